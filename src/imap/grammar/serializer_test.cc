#include "imap/grammar/serializer.h"

#include "imap/grammar/date.h"
#include "imap/grammar/lexemes.h"
#include "imap/grammar/message_data.h"
#include "message/parser.h"

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

std::string text_of(Serializer& out) { return out.take_joined(); }

TEST(Serializer, ChoosesHowStringsAreWritten)
{
    Serializer out;
    EXPECT_EQ(text_of(out.string("a \"b\" \\c")), R"("a \"b\" \\c")");
    EXPECT_EQ(text_of(out.string("")), "\"\"");
    EXPECT_EQ(text_of(out.string("gr\xc3\xbc\xc3\x9f")), "{6}\r\ngr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(text_of(out.string("a\r\nb")), "{4}\r\na\r\nb");
    EXPECT_EQ(text_of(out.string(std::string_view("a\0b", 3))), std::string("{3}\r\na\0b", 8));
    EXPECT_EQ(text_of(out.nstring(std::nullopt)), "NIL");
    EXPECT_EQ(text_of(out.astring("INBOX")), "INBOX");
    EXPECT_EQ(text_of(out.astring("nil")), "\"nil\"");
    EXPECT_EQ(text_of(out.astring("a b")), "\"a b\"");
    EXPECT_EQ(text_of(out.mailbox("Entwürfe")), "Entw&APw-rfe");
    EXPECT_EQ(text_of(out.pattern("a/%")), "a/%");
    EXPECT_EQ(text_of(out.text("one\r\n* BYE two")), "one\\x0d\\x0a* BYE two");
}

TEST(Serializer, WritesAndReadsBackTheSame)
{
    for (const std::string_view text : {"", "a", "a b", "\"", "\\", "{3}", "\r\n", "nil", "\x7f\x80\xff"}) {
        Serializer out(LiteralStyle::non_synchronising);
        const std::string written = text_of(out.astring(text));
        Cursor in(written);
        EXPECT_EQ(astring(in), text) << written;
        EXPECT_TRUE(in.at_end());
    }
}

TEST(Serializer, BigStringsAreNotCopied)
{
    std::string big(100'000, 'x');
    const char* where = big.data();
    Serializer out;
    out.raw("* 1 FETCH (BODY[] ").literal(std::move(big)).raw(")\r\n");
    EXPECT_EQ(out.size(), 18u + 10u + 100'000u + 3u);
    const auto pieces = out.take();
    ASSERT_EQ(pieces.size(), 3u);
    EXPECT_EQ(pieces[1].data(), where);
    EXPECT_TRUE(out.empty());
}

TEST(Serializer, SynchronisingLiteralsEndAPiece)
{
    Serializer out(LiteralStyle::synchronising);
    const auto pieces = out.raw("a LOGIN ").string("\xc3\xbc").raw(" x\r\n").take();
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[0], "a LOGIN {2}\r\n");
    EXPECT_EQ(pieces[1], "\xc3\xbc x\r\n");
}

TEST(Serializer, Sections)
{
    for (const std::string_view text :
         {"BODY[]", "BODY.PEEK[1.2]<0.10>", "BODY[1.HEADER]", "BODY[TEXT]", "BODY.PEEK[3.MIME]",
          "BODY[HEADER.FIELDS.NOT (DATE \"a b\")]", "ENVELOPE", "RFC822.SIZE", "BODY"}) {
        Cursor in(text);
        const auto attribute = fetch_attribute(in);
        ASSERT_TRUE(attribute) << text;
        Serializer out;
        EXPECT_EQ(text_of(out.fetch_attribute(*attribute)), text);
    }
}

TEST(Dates, BothWays)
{
    const std::string_view text = "\"17-Jul-1996 02:44:25 -0700\"";
    Cursor in(text);
    const auto time = date_time(in);
    ASSERT_TRUE(time);
    EXPECT_EQ(date_time_text(*time), "17-Jul-1996 09:44:25 +0000");
    Cursor blank("\" 1-Feb-2000 00:00:00 +0130\"");
    EXPECT_EQ(date_time_text(*date_time(blank)), "31-Jan-2000 22:30:00 +0000");
    for (const std::string_view bad : {"\"1-Jul-1996 02:44:25 -0700\"", "\"32-Jul-1996 02:44:25 -0700\"",
                                       "\"17-Jul-1996 25:44:25 -0700\"", "\"17-Jul-1996 02:44:25\"", "17-Jul-1996"}) {
        Cursor cursor(bad);
        EXPECT_FALSE(date_time(cursor)) << bad;
    }
}

// RFC 3501 section 7.4.2 and its example in section 8.
TEST(MessageData, Envelope)
{
    const message::Digest digest =
        message::digest_of("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
                           "From: Terry Gray <gray@cac.washington.edu>\r\n"
                           "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
                           "To: imap@cac.washington.edu\r\n"
                           "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
                           "Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
                           "\r\nbody\r\n");
    Serializer out;
    write_envelope(out, digest.envelope);
    EXPECT_EQ(text_of(out),
              "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
              "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
              "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
              "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
              "((NIL NIL \"imap\" \"cac.washington.edu\")) "
              "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
              "\"<B27397-0100000@cac.washington.edu>\")");
}

TEST(MessageData, WhatTheEnvelopeSaysOfFieldsThatAreNotAsTheyShouldBe)
{
    const message::Digest digest =
        message::digest_of("From: \"Bob \" <bob@x.test>\r\nReply-To: <>\r\nReply-To: a@x.test\r\nTo: \"\" <>\r\n"
                           "Cc: friends: carol;\r\nIn-Reply-To: <1@x.test> \r\n\r\n");
    Serializer out;
    write_envelope(out, digest.envelope);
    EXPECT_EQ(text_of(out),
              "(NIL NIL ((\"Bob\" NIL \"bob\" \"x.test\")) ((\"Bob\" NIL \"bob\" \"x.test\")) "
              "((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")(NIL NIL \"a\" \"x.test\")) "
              "((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) "
              "((NIL NIL \"friends\" NIL)(NIL NIL \"carol\" \"MISSING_DOMAIN\")(NIL NIL NIL NIL)) NIL "
              "\"<1@x.test> \" NIL)");
}

TEST(MessageData, ATextWithoutACharsetIsUsAscii)
{
    for (const auto& [header, parameters] :
         {std::pair{"", "(\"charset\" \"us-ascii\")"},
          std::pair{"Content-Type: text/html; format=flowed\r\n", "(\"format\" \"flowed\" \"charset\" \"us-ascii\")"},
          std::pair{"Content-Type: text/html; Charset=UTF-8\r\n", "(\"charset\" \"UTF-8\")"},
          std::pair{"Content-Type: text/html; charset*0=utf; charset*1=-8\r\n",
                    "(\"charset*0\" \"utf\" \"charset*1\" \"-8\")"},
          std::pair{"Content-Type: image/png\r\n", "NIL"}}) {
        Serializer out;
        write_structure(out, message::digest_of(std::string(header) + "\r\nx\r\n"), StructureForm::body);
        EXPECT_NE(text_of(out).find(std::string("\" ") + parameters + " NIL NIL"), std::string::npos) << header;
    }
}

TEST(MessageData, Structure)
{
    const message::Digest digest =
        message::digest_of("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                           "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhi\r\nyou\r\n"
                           "--b\r\nContent-Type: message/rfc822\r\n\r\n"
                           "Subject: in\r\n\r\nx\r\n"
                           "--b\r\nContent-Type: image/png\r\nContent-ID: <i>\r\n"
                           "Content-Transfer-Encoding: base64\r\n"
                           "Content-Disposition: attachment; filename=a.png\r\n\r\nAAAA\r\n"
                           "--b--\r\n");
    Serializer out;
    write_structure(out, digest, StructureForm::body);
    EXPECT_EQ(text_of(out),
              "((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 7 1)"
              "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
              "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0) 2)"
              "(\"image\" \"png\" NIL \"<i>\" NIL \"base64\" 4) \"mixed\")");
    write_structure(out, digest, StructureForm::body_structure);
    EXPECT_TRUE(text_of(out).ends_with("(\"image\" \"png\" NIL \"<i>\" NIL \"base64\" 4 NIL "
                                       "(\"attachment\" (\"filename\" \"a.png\")) NIL NIL) "
                                       "\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"));
}

// HOSTILE A13
TEST(MessageData, DeepStructuresDoNotRecurse)
{
    std::string text;
    for (int i = 0; i < 10'000; ++i)
        text += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) +
            "\r\n";
    Serializer out;
    write_structure(out, message::digest_of(text), StructureForm::body_structure);
    const std::string written = text_of(out);
    EXPECT_EQ(std::ranges::count(written, '('), std::ranges::count(written, ')'));
}

}  // namespace
}  // namespace posthouse::imap
