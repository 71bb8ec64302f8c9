#include "mua/content.h"

#include "base/text.h"
#include "message/parser.h"
#include "mua/summary.h"

#include <gtest/gtest.h>

namespace posthouse::mua {
namespace {

Content content(std::string_view whole) { return content_of(message::digest_of(whole), whole); }

TEST(Content, PlainTextOfTheAlternatives)
{
    const std::string both = "Content-Type: multipart/alternative; boundary=z\r\n\r\n--z\r\n\r\nplain\r\n"
                             "--z\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--z--\r\n";
    EXPECT_EQ(joined(content(both).texts), "plain");
    const std::string only_html = "Content-Type: multipart/alternative; boundary=z\r\n\r\n--z\r\n\r\n \r\n"
                                  "--z\r\nContent-Type: text/html\r\n\r\n<p>rich<br>text</p>\r\n--z--\r\n";
    EXPECT_NE(joined(content(only_html).texts).find("rich\ntext"), std::string::npos);
}

TEST(Content, AttachmentsAreListed)
{
    const std::string whole = "Content-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\none\r\n"
                              "--z\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n\r\ntext\r\n"
                              "--z\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n"
                              "--z\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
                              "--z\r\n\r\ntwo\r\n--z--\r\n";
    const message::Digest digest = message::digest_of(whole);
    const Content all = content_of(digest, whole);
    EXPECT_EQ(joined(all.texts), "one\n\ntwo");
    ASSERT_EQ(all.attachments.size(), 3u);
    EXPECT_EQ(all.attachments[0].name, "a.txt");
    EXPECT_EQ(all.attachments[1].type, "message/rfc822");
    EXPECT_EQ(all.attachments[1].path, "3");
    EXPECT_EQ(bytes_of(digest, all.attachments[1], whole), "Subject: in\r\n\r\ninner");
    EXPECT_EQ(bytes_of(digest, all.attachments[2], whole), std::string("\0\1\2", 3));
}

struct Name {
    std::string given;
    std::string safe;
};

// HOSTILE A21, A24
TEST(FileNames, StayInTheirFolder)
{
    const Name names[]{
        {"report.pdf", "report.pdf"},
        {"Grüße 2026.pdf", "Grüße 2026.pdf"},
        {"../../etc/passwd", "passwd"},
        {"C:\\Windows\\system.ini", "system.ini"},
        {"..", "attachment-3.png"},
        {"", "attachment-3.png"},
        {"/", "attachment-3.png"},
        {".bashrc", "bashrc"},
        {"-rf", "rf"},
        {"~root", "root"},
        {"a\nb\x1b[2J.txt", "a_b_[2J.txt"},
        {std::string("a\0b", 3), "a_b"},
        {"\xe2\x80\xaegnp.exe", "_gnp.exe"},
        {"a\xff.txt", "a\ufffd.txt"},
        {"a|b;`x`$y", "a_b;_x__y"},
        {" . ", "attachment-3.png"},
    };
    for (const Name& row : names)
        EXPECT_EQ(safe_file_name(row.given, "image/png", 3), row.safe) << row.given;
    const std::string longest = safe_file_name(std::string(5000, 'x') + ".tar", "x/y", 1);
    EXPECT_EQ(longest.size(), 200u);
    EXPECT_TRUE(longest.ends_with(".tar"));
    std::string wide;
    for (int i = 0; i < 300; ++i)
        wide += "ü";
    EXPECT_TRUE(is_valid_utf8(safe_file_name(wide, "x/y", 1)));
}

TEST(Shown, NothingRawReachesTheTerminal)
{
    EXPECT_EQ(safe_lines("a\tb\r\n\x1b[31mred\n"), "a       b\n\\x1b[31mred\n");
    EXPECT_EQ(safe_lines("no end"), "no end\n");
    EXPECT_EQ(safe_lines(""), "");
    const std::string escape = "\xc2\x9b";  // CSI as one character
    EXPECT_EQ(json_document(boost::json::object{{"subject", json_text("a" + escape + "ä\x1b")}}),
              "{\"subject\":\"a\\u009bä\\u001b\"}\n");
    EXPECT_TRUE(is_valid_utf8(json_document(json_text("\xff\xfe"))));
}

TEST(Shown, SummariesAsJmapHasThem)
{
    Summary summary;
    summary.place = {"INBOX", 7, 9, {}};
    summary.flags = {"\\Seen", "\\Recent", "$Forwarded", "Work"};
    summary.envelope.subject = "=?utf-8?q?=C3=BC?=";
    summary.envelope.from = message::read_addresses("=?utf-8?q?=C3=84?= <a@x.test>");
    const boost::json::object email = email_object(summary);
    EXPECT_EQ(boost::json::serialize(email.at("keywords")), R"({"$seen":true,"$forwarded":true,"work":true})");
    EXPECT_EQ(email.at("subject").as_string(), "ü");
    EXPECT_EQ(email.at("id").as_string(), "INBOX/7/9");
    EXPECT_EQ(boost::json::serialize(email.at("from")), R"([{"name":"Ä","email":"a@x.test"}])");
    EXPECT_EQ(marks_of(summary), "F");
}

}  // namespace
}  // namespace posthouse::mua
