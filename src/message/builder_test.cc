#include "message/builder.h"

#include "base/text.h"
#include "message/body.h"
#include "message/parser.h"

#include <gtest/gtest.h>

namespace posthouse::message {
namespace {

class FixedClock final : public Clock {
public:
    WallTime now() const override { return WallTime{std::chrono::seconds{1'795'305'747}}; }
    SteadyTime steady() const override { return {}; }
};

Address mailbox(std::string name, std::string local_part, std::string domain)
{
    Address address;
    address.display_name = std::move(name);
    address.spec = {std::move(local_part), std::move(domain)};
    return address;
}

class Building : public testing::Test {
protected:
    Building()
    {
        draft_.from = {mailbox("Bob", "bob", "north.test")};
        draft_.to = {mailbox("", "alice", "north.test")};
        draft_.subject = "Hello";
        draft_.parts.push_back({.content = "one\ntwo\n"});
    }
    std::string build()
    {
        auto built = build_message(draft_, clock_, random_, "north.test");
        EXPECT_TRUE(built) << (built ? "" : built.error().text);
        return built.value_or("");
    }
    FixedClock clock_;
    SeededRandom random_{1};
    Draft draft_;
};

// RFC 5322 section 2.1.1, and no bare CR or LF.
void expect_good_lines(std::string_view message, std::size_t longest)
{
    ASSERT_TRUE(message.ends_with("\r\n"));
    message.remove_suffix(2);
    for (std::size_t at = 0; at < message.size();) {
        const std::size_t end = std::min(message.find("\r\n", at), message.size());
        const std::string_view line = message.substr(at, end - at);
        EXPECT_LE(line.size(), longest) << line;
        EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos) << line;
        at = end + 2;
    }
}

TEST_F(Building, ASimpleMessage)
{
    const std::string message = build();
    EXPECT_EQ(message.substr(0, message.find("Message-ID")),
              "Date: Sun, 22 Nov 2026 00:02:27 +0000\r\nFrom: Bob <bob@north.test>\r\nTo: alice@north.test\r\n");
    EXPECT_TRUE(message.ends_with("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
                                  "Content-Transfer-Encoding: 7bit\r\n\r\none\r\ntwo\r\n"));
    const Digest digest = digest_of(message);
    EXPECT_TRUE(digest.envelope.message_id->ends_with("@north.test>"));
    EXPECT_EQ(digest.header_garbage, 0u);
    EXPECT_NE(build(), message) << "no Message-ID twice";
}

TEST_F(Building, EncodesWhatIsNotAscii)
{
    draft_.from = {mailbox("J\xc3\xb6rg \"der\" M\xc3\xbcller", "joerg",
                           "b\xc3\xbc"
                           "cher.test")};
    draft_.to = {mailbox("Public, John Q.", "john", "x.test"), mailbox(std::string(200, 'n'), "n", "x.test")};
    std::string subject;
    for (int i = 0; i < 30; ++i)
        subject += "Gr\xc3\xbc\xc3\x9f"
                   "e \xf0\x9f\x98\x80 ";
    draft_.subject = subject + "!";
    draft_.parts[0].content = "caf\xc3\xa9 au lait \nlast";
    const std::string message = build();
    EXPECT_TRUE(is_ascii(message));
    expect_good_lines(message + "\r\n", 78);
    const Digest digest = digest_of(message);
    EXPECT_EQ(decode_text(*digest.envelope.subject), draft_.subject);
    ASSERT_EQ(digest.envelope.to.size(), 2u);
    EXPECT_EQ(decode_text(digest.envelope.from[0].display_name), draft_.from[0].display_name);
    EXPECT_EQ(digest.envelope.from[0].spec.domain, "xn--bcher-kva.test") << "A-labels";
    EXPECT_EQ(digest.envelope.to[0].display_name, "Public, John Q.");
    EXPECT_EQ(decode_text(digest.envelope.to[1].display_name), std::string(200, 'n'));
    const Part& part = digest.parts[0];
    EXPECT_EQ(part.encoding, "quoted-printable");
    EXPECT_EQ(decode_body(part, std::string_view(message).substr(part.body_begin)), "caf\xc3\xa9 au lait \nlast");
}

TEST_F(Building, Base64WhereItIsShorter)
{
    draft_.parts[0].content = "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\n";
    const std::string message = build();
    EXPECT_EQ(digest_of(message).parts[0].encoding, "base64");
}

TEST_F(Building, Attachments)
{
    std::string bytes;
    for (int i = 0; i < 1000; ++i)
        bytes += static_cast<char>(i);
    draft_.parts.push_back({.type = "application/octet-stream", .content = bytes, .file_name = "\xc3\xa4 \"b\".bin"});
    draft_.parts.push_back({.type = "image/png",
                            .content = "x",
                            .disposition = "inline",
                            .file_name = std::string(300, 'f'),
                            .content_id = "1@x.test",
                            .description = "ein Bild \xc3\xb6"});
    const std::string message = build();
    expect_good_lines(message, 78);
    const Digest digest = digest_of(message);
    ASSERT_EQ(digest.parts.size(), 4u);
    EXPECT_EQ(digest.parts[0].subtype, "mixed");
    const Part& first = digest.parts[2];
    EXPECT_EQ(first.disposition, "attachment");
    EXPECT_EQ(first.file_name(), "\xc3\xa4 \"b\".bin");
    EXPECT_EQ(decode_transfer(std::string_view(message).substr(first.body_begin, first.body_size()),
                              TransferEncoding::base64),
              bytes);
    EXPECT_EQ(digest.parts[3].file_name(), std::string(300, 'f'));
    EXPECT_EQ(digest.parts[3].id, "<1@x.test>");
    EXPECT_EQ(decode_text(digest.parts[3].description), "ein Bild \xc3\xb6");
    EXPECT_TRUE(digest.has_attachment);
    EXPECT_EQ(digest.preview, "one two");
}

// RFC 3464: a bounce.
TEST_F(Building, Reports)
{
    draft_.multipart = "report";
    draft_.multipart_parameters = {{"report-type", "delivery-status"}};
    draft_.extra = {{"Auto-Submitted", "auto-replied"}};
    draft_.parts.push_back(
        {.type = "message/delivery-status", .content = "Reporting-MTA: dns; north.test\n\nAction: failed\n"});
    draft_.parts.push_back({.type = "message/rfc822", .content = "Subject: caf\xc3\xa9\r\n\r\nbody\r\n"});
    const std::string message = build();
    const Digest digest = digest_of(message);
    ASSERT_EQ(digest.parts.size(), 5u);
    EXPECT_EQ(parameter(digest.parts[0].parameters, "report-type"), "delivery-status");
    EXPECT_EQ(digest.parts[2].encoding, "7bit");
    EXPECT_EQ(digest.parts[3].encoding, "8bit");
    EXPECT_EQ(digest.embedded[0].subject, "caf\xc3\xa9");
    EXPECT_EQ(find_field(message, "Auto-Submitted")->text(), "auto-replied");
}

TEST_F(Building, BccOnlyWhereAsked)
{
    draft_.bcc = {mailbox("", "secret", "x.test")};
    EXPECT_EQ(build().find("secret"), std::string::npos);
    draft_.bcc_field = BccField::write;
    EXPECT_NE(build().find("Bcc: secret@x.test\r\n"), std::string::npos);
}

TEST_F(Building, Threads)
{
    draft_.in_reply_to = {"1@x.test"};
    for (int i = 0; i < 20; ++i)
        draft_.references.push_back(std::to_string(i) + "@references.example.test");
    const std::string message = build();
    expect_good_lines(message, 78);
    EXPECT_EQ(digest_of(message).references, draft_.references);
    EXPECT_EQ(digest_of(message).envelope.in_reply_to, "<1@x.test>");
}

TEST_F(Building, RefusesWhatWouldForgeAHeader)
{
    const Draft good = draft_;
    const auto refused = [&](auto change) {
        Draft draft = good;
        change(draft);
        const auto built = build_message(draft, clock_, random_, "north.test");
        return !built && built.error().code == ErrorCode::malformed;
    };
    for (const std::string& evil :
         {std::string("a\r\nBcc: b@x.test"), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3)}) {
        EXPECT_TRUE(refused([&](Draft& d) { d.subject = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.from[0].display_name = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.to[0].spec.local_part = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.to[0].spec.domain = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.message_id = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.references = {evil}; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.extra = {{"X-A", evil}}; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.extra = {{evil, "x"}}; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.parts[0].file_name = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.parts[0].type = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.parts[0].description = evil; }));
        EXPECT_TRUE(refused([&](Draft& d) { d.parts[0].content_id = evil; }));
    }
    EXPECT_TRUE(refused([](Draft& d) { d.from.clear(); })) << "nobody sends it";
    EXPECT_TRUE(refused([](Draft& d) { d.from.push_back(d.from[0]); })) << "RFC 5322 section 3.6.2: Sender is missing";
    EXPECT_TRUE(refused([](Draft& d) { d.subject = "\xff"; })) << "not UTF-8";
    EXPECT_TRUE(refused([](Draft& d) { d.parts[0].content = "\xff"; }));
    EXPECT_TRUE(refused([](Draft& d) { d.extra = {{"from", "x"}}; })) << "a second From";
    EXPECT_TRUE(refused([](Draft& d) { d.extra = {{"Content-Type", "x"}}; }));
    EXPECT_TRUE(refused([](Draft& d) { d.to[0].spec.domain = "x.test> <y@z.test"; }));
    EXPECT_TRUE(refused([](Draft& d) { d.to[0].spec = {}; }));
}

TEST(UnstructuredField, FoldsAndReadsBack)
{
    for (const std::string& value :
         {std::string("plain"), std::string(""), std::string("two  blanks"), std::string(" leading and trailing "),
          std::string(500, 'w'), std::string(2000, 'w'), std::string("=?utf-8?q?not_a_word?="),
          std::string("tab\there"), std::string("bell\x07"), std::string("a ") + std::string(76, 'b') + " c",
          std::string("a=?b")}) {
        const auto field = unstructured_field("Subject", value);
        ASSERT_TRUE(field);
        const auto read = find_field(*field, "Subject");
        ASSERT_TRUE(read) << *field;
        EXPECT_EQ(decode_text(read->value), value) << *field;
        EXPECT_EQ(read->end, field->size()) << "one field and nothing behind it";
    }
}

TEST(RawField, FoldsAtBlanksOnly)
{
    const std::string value = "from a.example.test (a.example.test [192.0.2.1]) by north.test with ESMTPS id 1; "
                              "Sun, 22 Nov 2026 00:02:27 +0000";
    const auto field = raw_field("Received", value);
    ASSERT_TRUE(field);
    expect_good_lines(*field, 78);
    EXPECT_EQ(find_field(*field, "received")->text(), value);
    EXPECT_FALSE(raw_field("Received", "a\x1b[m"));
    EXPECT_FALSE(raw_field("Bad Name", "a"));
}

TEST(ParameterizedField, ReadsBack)
{
    for (const std::string& value : {std::string("simple"), std::string("with blank"), std::string("q\"uo\\te"),
                                     std::string("\xc3\xb6"), std::string(500, 'x'), std::string("a'b*c%d"),
                                     std::string("\x01"), std::string("\xf0\x9f\x98\x80") + std::string(100, '\'')}) {
        const auto field =
            parameterized_field("Content-Disposition", "attachment", {{"filename", value}, {"size", "1"}});
        ASSERT_TRUE(field);
        const auto parsed = parse_parameterized(find_field(*field, "Content-Disposition")->value);
        EXPECT_EQ(parsed.value, "attachment");
        EXPECT_EQ(parameter(parsed.parameters, "filename"), value) << *field;
        EXPECT_EQ(parameter(parsed.parameters, "size"), "1");
    }
}

TEST(Encoders, ReadBackAndKeepTheirLines)
{
    std::string all;
    for (int i = 0; i < 2000; ++i)
        all += static_cast<char>(i * 7);
    for (const std::string& bytes : {all, std::string(), std::string(" "), std::string(75, 'x') + " ",
                                     std::string(76, 'x'), std::string(77, '=')}) {
        const std::string base64 = encode_base64_lines(bytes);
        EXPECT_EQ(decode_transfer(base64, TransferEncoding::base64), bytes);
        const std::string quoted = encode_quoted_printable(bytes);
        for (const std::string_view line : split(quoted, '\n'))
            EXPECT_LE(line.size(), 77u) << line;
        for (const std::string_view line : split(base64, '\n'))
            EXPECT_LE(line.size(), 77u) << line;
    }
    EXPECT_EQ(encode_quoted_printable("a \nb\t\r\nc="), "a=20\r\nb=09\r\nc=3D");
    const std::string text = "no line end";
    EXPECT_EQ(decode_transfer(encode_quoted_printable(text), TransferEncoding::quoted_printable), text);
}

}  // namespace
}  // namespace posthouse::message
