#include "smtp/reply_grammar.h"

#include "base/text.h"

#include <gtest/gtest.h>

namespace posthouse::smtp {
namespace {

using Status = ReplyParser::Status;

std::pair<Status, Reply> parse(const std::vector<std::string>& lines)
{
    ReplyParser parser;
    Status status = Status::more;
    for (const std::string& line : lines)
        if ((status = parser.line(line)) != Status::more)
            break;
    return {status, parser.take()};
}

TEST(ReplyGrammar, OneLine)
{
    EXPECT_EQ(parse({"250 2.1.0 ok"}).second, (Reply{250, "2.1.0", "ok"}));
    EXPECT_EQ(parse({"250 ok"}).second, (Reply{250, "", "ok"}));
    EXPECT_EQ(parse({"250"}).second, (Reply{250, "", ""}));  // RFC 5321 section 4.2: text may be missing
    EXPECT_EQ(parse({"250 "}).second, (Reply{250, "", ""}));
    EXPECT_EQ(parse({"550 5.1.1"}).second, (Reply{550, "5.1.1", ""}));
    EXPECT_EQ(parse({"550 4.1.1 x"}).second, (Reply{550, "", "4.1.1 x"}));  // the class does not fit
    EXPECT_EQ(parse({"354 go"}).second, (Reply{354, "", "go"}));
}

TEST(ReplyGrammar, ManyLines)
{
    EXPECT_EQ(parse({"250-north.test", "250-SIZE 100", "250 HELP"}).second,
              (Reply{250, "", "north.test\nSIZE 100\nHELP"}));
    EXPECT_EQ(parse({"550-5.7.1 no", "550 5.7.1 never"}).second, (Reply{550, "5.7.1", "no\nnever"}));
    EXPECT_EQ(parse({"250-a", "250"}).second, (Reply{250, "", "a\n"}));
}

TEST(ReplyGrammar, WhatIsNoReply)
{
    for (const std::string_view line : {"", "25 x", "2500 x", "250x", "abc", " 250 x", "150 x", "650 x", "-250 x"})
        EXPECT_EQ(parse({std::string(line)}).first, Status::malformed) << line;
    EXPECT_EQ(parse({"250-a", "251 b"}).first, Status::malformed);
}

TEST(ReplyGrammar, IsBounded)
{
    EXPECT_EQ(parse({"250 " + std::string(longest_line_taken, 'x')}).first, Status::too_large);
    EXPECT_EQ(parse(std::vector<std::string>(most_reply_lines + 1, "250-x")).first, Status::too_large);
    EXPECT_EQ(parse(std::vector<std::string>(20, "250-" + std::string(4000, 'x'))).first, Status::too_large);
}

TEST(Reply, IsWrittenAsItIsRead)
{
    const Reply replies[] = {
        {220, "", "north.test ESMTP"}, {250, "2.1.5", "ok"}, {550, "5.7.1", "a\nb\nc"}, {334, "", ""}};
    for (const Reply& reply : replies) {
        std::string wire;
        append_to(wire, reply);
        std::vector<std::string> lines;
        for (const std::string_view line : split(wire, '\n'))
            if (!line.empty())
                lines.emplace_back(line.substr(0, line.size() - 1));
        const auto [status, read] = parse(lines);
        EXPECT_EQ(status, Status::whole);
        EXPECT_EQ(read, reply);
    }
}

TEST(Reply, CannotBeForgedOrTooLong)
{
    std::string wire;
    append_to(wire, {550, "5.1.1", "no user a\r250 ok\x1b[2J"});
    EXPECT_EQ(wire, "550 5.1.1 no user a?250 ok?[2J\r\n");
    wire.clear();
    append_to(wire, {550, "5.1.1", std::string(1000, 'x')});
    EXPECT_EQ(wire.size(), longest_reply_line);
    wire.clear();
    append_to(wire, {550, "5.1.1", std::string(499, 'x') + "ø"});  // not half a letter
    EXPECT_TRUE(is_valid_utf8(wire));
}

}  // namespace
}  // namespace posthouse::smtp
