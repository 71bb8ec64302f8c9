#include "msa/header_check.h"

#include "base/text.h"

#include <gtest/gtest.h>

namespace posthouse::msa {
namespace {

struct HeaderCheckTest : testing::Test {
    SystemClock clock;
    SeededRandom random{1};

    std::expected<CheckedHeader, smtp::Reply> check(std::string_view header)
    {
        std::string text;
        for (const std::string_view line : split(header, '\n'))
            text += std::string(line) + "\r\n";
        return check_header(text, clock, random, "north.test");
    }
};

constexpr std::string_view whole = "From: alice@north.test\n"
                                   "Date: Sun, 22 Nov 2026 00:02:27 +0000\n"
                                   "Message-ID: <1@north.test>\n";

TEST_F(HeaderCheckTest, WhatIsWholeStaysAsItIs)
{
    const auto checked = check(whole);
    ASSERT_TRUE(checked) << checked.error().text;
    EXPECT_EQ(checked->text,
              "From: alice@north.test\r\nDate: Sun, 22 Nov 2026 00:02:27 +0000\r\n"
              "Message-ID: <1@north.test>\r\n\r\n");
    ASSERT_EQ(checked->authors.size(), 1u);
    EXPECT_EQ(checked->authors[0].text(), "alice@north.test");
}

TEST_F(HeaderCheckTest, DateAndMessageIdAreAdded)
{
    const auto checked = check("From: alice@north.test\nSubject: x\n");
    ASSERT_TRUE(checked) << checked.error().text;
    EXPECT_TRUE(checked->text.starts_with("Date: ")) << checked->text;
    EXPECT_NE(checked->text.find("\r\nMessage-ID: <"), std::string::npos);
    EXPECT_TRUE(checked->text.ends_with("From: alice@north.test\r\nSubject: x\r\n\r\n"));
}

// RFC 6409, RFC 5322 section 3.6.3.
TEST_F(HeaderCheckTest, BccIsStripped)
{
    const auto checked = check("Bcc: eve@north.test,\n\tmallory@north.test\n" + std::string(whole) +
                               "BCC:\nX-Bcc: kept\nbcc: not even an address\n");
    ASSERT_TRUE(checked) << checked.error().text;
    EXPECT_EQ(checked->text,
              "From: alice@north.test\r\nDate: Sun, 22 Nov 2026 00:02:27 +0000\r\n"
              "Message-ID: <1@north.test>\r\nX-Bcc: kept\r\n\r\n");
}

TEST_F(HeaderCheckTest, SeveralAuthorsNeedASender)
{
    EXPECT_EQ(check("From: a@north.test, b@north.test\n").error().text.substr(0, 7), "Sender:");
    const auto checked = check("From: a@north.test, b@north.test\nSender: a@north.test\n");
    ASSERT_TRUE(checked) << checked.error().text;
    EXPECT_EQ(checked->authors.size(), 3u);
}

TEST_F(HeaderCheckTest, RefusalsNameTheField)
{
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"Subject: x\n", "From: "},
        {"From: \n", "From: "},
        {"From: alice\n", "From: "},
        {"From: undisclosed:;\n", "From: "},
        {"From: a@north.test\nFrom: b@north.test\n", "From: the field stands there twice"},
        {"From: a@north.test\nTo: bob\n", "To: "},
        {"From: a@north.test\nTo: <bob@north.test\n", "To: "},
        {"From: a@north.test\nCc: a@b@c\n", "Cc: "},
        {"From: a@north.test\nReply-To: @\n", "Reply-To: "},
        {"From: a@north.test\nSender: a@b.test, c@d.test\n", "Sender: "},
        {"From: a@north.test\nDate: yesterday\n", "Date: "},
        {"From: a@north.test\nDate: Sun, 32 Nov 2026 00:02:27 +0000\n", "Date: "},
        {"From: a@north.test\nSubject: x\nSubject: y\n", "Subject: "},
        {"From alice Sun Nov 22 00:02:27 2026\nFrom: a@north.test\n", "header: "},
        {"just text\n", "header: "},
        {" folded from nowhere\nFrom: a@north.test\n", "header: "},
    };
    for (const auto& [header, begin] : rows) {
        const auto checked = check(header);
        ASSERT_FALSE(checked) << header;
        EXPECT_EQ(checked.error().codes(), "550 5.6.0") << header;
        EXPECT_TRUE(checked.error().text.starts_with(begin)) << header << ": " << checked.error().text;
    }
}

TEST_F(HeaderCheckTest, WhatPeopleWrite)
{
    for (const std::string_view field :
         {"To: undisclosed-recipients:;", "To: \"Bob, B.\" <bob@north.test>, eve@north.test",
          "To: bob@north.test (Bob)", "Cc: friends: bob@north.test, eve@north.test;", "Reply-To: Bob <bob@north.test>",
          "Subject: =?utf-8?q?hall=C3=B3?=", "To: =?utf-8?q?B=C3=B8b?= <bob@north.test>", "X-Odd:"})
        EXPECT_TRUE(check(std::string(whole) + std::string(field) + "\n")) << field;
}

}  // namespace
}  // namespace posthouse::msa
