#include "mua/compose.h"

#include "base/text.h"
#include "message/parser.h"
#include "mua/content.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace posthouse::mua {
namespace {

struct Compose : testing::Test {
    SystemClock clock;
    SeededRandom random{7};
    Identity alice{.address = "alice@north.test", .name = "Alice Ä"};

    Letter letter(const WriteOptions& options, std::string text)
    {
        Result<message::Draft> draft = draft_of(alice, options, std::move(text));
        EXPECT_TRUE(draft) << draft.error().text;
        Result<Letter> made = finish(std::move(*draft), clock, random);
        EXPECT_TRUE(made) << made.error().text;
        return made.value_or(Letter());
    }
};

std::string field(const std::string& whole, std::string_view name)
{
    const auto found = message::find_field(whole, name);
    return found ? message::decode_text(found->value) : "(none)";
}

TEST_F(Compose, BccIsKeptForSentAlone)
{
    const Letter made = letter({.to = {"Bob <bob@north.test>, carol@south.test"},
                                .cc = {"BOB@north.test"},
                                .bcc = {"dave@south.test", "eve@south.test"},
                                .subject = "Grüße"},
                               "Hello");
    EXPECT_EQ(field(made.for_recipients, "Bcc"), "(none)");
    EXPECT_EQ(made.for_recipients.find("dave"), std::string::npos);
    EXPECT_EQ(field(made.for_sent, "Bcc"), "dave@south.test, eve@south.test");
    EXPECT_EQ(field(made.for_recipients, "Subject"), "Grüße");
    EXPECT_EQ(field(made.for_recipients, "From"), "Alice Ä <alice@north.test>");
    EXPECT_EQ(field(made.for_recipients, "Message-ID"), "<" + made.message_id + ">");
    EXPECT_TRUE(is_ascii(made.for_recipients));
    std::vector<std::string> to;
    for (const message::AddrSpec& one : made.recipients)
        to.push_back(one.text());
    EXPECT_EQ(to,
              (std::vector<std::string>{"bob@north.test", "carol@south.test", "dave@south.test", "eve@south.test"}));
    // But for the Bcc the two are the same, byte for byte.
    EXPECT_EQ(without_bcc(made.for_sent), made.for_recipients);
}

TEST_F(Compose, RefusesWhatIsNoMessage)
{
    for (const std::string to : {"bob", "bob@", "@north.test", "bob@@north.test", "a@b.test\r\nBcc: c@d.test", "<>"})
        EXPECT_FALSE(draft_of(alice, {.to = {to}}, "x")) << to;
    EXPECT_FALSE(draft_of(alice, {.to = {"bob@north.test"}}, "\xff")) << "not UTF-8";
    EXPECT_FALSE(draft_of(alice, {.to = {"bob@north.test"}, .files = {"/nonexistent"}}, "x"));
    EXPECT_FALSE(draft_of(alice, {.to = {"bob@north.test"}, .files = {"/tmp"}}, "x")) << "a folder";
    EXPECT_FALSE(finish(*draft_of(alice, {}, "x"), clock, random)) << "nobody";
    auto injected = draft_of(alice, {.to = {"bob@north.test"}, .subject = "a\r\nBcc: x@y.test"}, "x");
    EXPECT_FALSE(finish(*injected, clock, random)) << "a line end in the subject";
}

TEST_F(Compose, AttachmentsComeBackByteForByte)
{
    char name[] = "/tmp/posthouse-mua-XXXXXX";
    const std::string folder = ::mkdtemp(name);
    std::string noise;
    for (int i = 0; i < 1000; ++i)
        noise += static_cast<char>(i * 7 + i / 256);
    std::string umlauts;
    for (int i = 0; i < 100; ++i)
        umlauts += "äöü\n";
    const std::pair<std::string, std::string> files[]{{"noise.bin", noise},
                                                      {"text.txt", "one\ntwo\n\nthree"},
                                                      {"dos.txt", "one\r\ntwo\r\n"},
                                                      {"umlauts.txt", umlauts},
                                                      {"grüße \"x\".csv", "ä;b\n"},
                                                      {"empty", ""},
                                                      {"mail.eml", "Subject: x\n\nbare LF\n"},
                                                      {"latin1.html", "\xe4\n"}};
    WriteOptions options{.to = {"bob@north.test"}};
    for (const auto& [file, bytes] : files) {
        std::ofstream(folder + "/" + file, std::ios::binary) << bytes;
        options.files.push_back(folder + "/" + file);
    }
    const Letter made = letter(options, "see below\n");
    const message::Digest digest = message::digest_of(made.for_recipients);
    const Content content = content_of(digest, made.for_recipients);
    EXPECT_EQ(joined(content.texts), "see below\n");
    ASSERT_EQ(content.attachments.size(), std::size(files));
    for (std::size_t i = 0; i < std::size(files); ++i) {
        EXPECT_EQ(content.attachments[i].name, files[i].first);
        EXPECT_EQ(bytes_of(digest, content.attachments[i], made.for_recipients), files[i].second) << files[i].first;
    }
    std::filesystem::remove_all(folder);
}

constexpr std::string_view original =
    "From: \"Bob, B.\" <bob@north.test>\r\nTo: alice@north.test, Carol <carol@south.test>\r\n"
    "Cc: dave@south.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <2@x>\r\nReferences: <1@x>\r\n"
    "Date: Sun, 22 Nov 2026 14:05:00 +0000\r\n\r\nHi\r\n> quoted\r\n\r\n";

TEST_F(Compose, RepliesKeepTheThread)
{
    const message::Digest digest = message::digest_of(original);
    message::Draft draft = *draft_of(alice, {}, "");
    make_reply(draft, digest, false, "alice@north.test");
    EXPECT_EQ(draft.subject, "Re: Grüße");
    EXPECT_EQ(draft.in_reply_to, std::vector<std::string>{"2@x"});
    EXPECT_EQ(draft.references, (std::vector<std::string>{"1@x", "2@x"}));
    ASSERT_EQ(draft.to.size(), 1u);
    EXPECT_EQ(draft.to[0].spec.text(), "bob@north.test");
    EXPECT_TRUE(draft.cc.empty());

    message::Draft all = *draft_of(alice, {}, "");
    make_reply(all, digest, true, "Alice@north.test");
    ASSERT_EQ(all.cc.size(), 2u) << "not to oneself";
    EXPECT_EQ(all.cc[0].spec.text(), "carol@south.test");
    EXPECT_EQ(all.cc[1].spec.text(), "dave@south.test");

    message::Draft mine = *draft_of(alice, {}, "");
    make_reply(mine, digest, false, "bob@north.test");
    EXPECT_EQ(mine.to.size(), 2u) << "an answer to one's own goes on to the same people";
    EXPECT_EQ(reply_subject("RE: x"), "RE: x");
    EXPECT_EQ(forward_subject("x"), "Fwd: x");
    const std::string quoted = quoted_text(digest, "Hi\n> quoted\n\n");
    EXPECT_NE(quoted.find("Bob, B. wrote:\n> Hi\n>> quoted\n"), std::string::npos) << quoted;
    EXPECT_TRUE(quoted.ends_with("quoted\n"));
}

TEST(Sendmail, Options)
{
    const auto parsed = [](std::vector<std::string> words) { return parse_sendmail(words); };
    const auto usual = parsed({"-t", "-i", "-falice@north.test", "-F", "Alice A", "--", "-odd@x.test"});
    ASSERT_TRUE(usual);
    EXPECT_TRUE(usual->recipients_from_header);
    EXPECT_TRUE(usual->ignore_dots);
    EXPECT_EQ(usual->sender, "alice@north.test");
    EXPECT_EQ(usual->full_name, "Alice A");
    EXPECT_EQ(usual->to, std::vector<std::string>{"-odd@x.test"});
    EXPECT_TRUE(parsed({"-ti"})->ignore_dots) << "letters together";
    EXPECT_TRUE(parsed({"-oi", "a@b"})->ignore_dots);
    EXPECT_FALSE(parsed({"-oem", "a@b"})->ignore_dots);
    EXPECT_TRUE(parsed({"-bm", "-B8BITMIME", "-N", "never", "a@b"}));
    EXPECT_EQ(parsed({"-bm", "-B8BITMIME", "-N", "never", "a@b"})->to, std::vector<std::string>{"a@b"});
    EXPECT_FALSE(parsed({"-bs"}));
    EXPECT_FALSE(parsed({"-f"}));
    const std::vector<std::string> words{"-s", "two words", "-c", "c@x", "-ab.txt", "-r", "a@x", "b@x"};
    const auto mail = parse_mail(words);
    ASSERT_TRUE(mail);
    EXPECT_EQ(mail->write.subject, "two words");
    EXPECT_EQ(mail->write.files, std::vector<std::string>{"b.txt"});
    EXPECT_EQ(mail->from, "a@x");
    EXPECT_FALSE(mail->read);
    EXPECT_TRUE(parse_mail({})->read);
}

TEST(Search, Terms)
{
    const auto terms = search_terms({.words = {"ü"}, .from = {"a"}, .since = "2026-11-02", .unread = true});
    ASSERT_TRUE(terms);
    std::string all;
    for (const imap::SearchTerm& term : *terms)
        all += term.words + (term.text ? "=" + *term.text : "") + ";";
    EXPECT_EQ(all, "TEXT=ü;FROM=a;SINCE 2-Nov-2026;UNSEEN;");
    for (const std::string date : {"yesterday", "2026-13-01", "2026-02-30", "26-11-02", "2026-11"})
        EXPECT_FALSE(search_terms({.before = date})) << date;
    EXPECT_FALSE(search_terms({.words = {"a\r\nb"}}));
}

TEST(Flags, ByTheirNames)
{
    EXPECT_EQ(flag_named("seen").value_or("?"), "\\Seen");
    EXPECT_EQ(flag_named("$seen").value_or("?"), "\\Seen") << "JMAP's name";
    EXPECT_EQ(flag_named("\\Flagged").value_or("?"), "\\Flagged");
    EXPECT_EQ(flag_named("$Junk").value_or("?"), "$Junk");
    EXPECT_EQ(flag_named("work").value_or("?"), "work");
    for (const std::string_view word : {"", "a b", "\\Unknown", "(", "ä", "a\r\n"})
        EXPECT_FALSE(flag_named(word)) << word;
}

}  // namespace
}  // namespace posthouse::mua
