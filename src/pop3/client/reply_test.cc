#include "pop3/client/reply.h"

#include <gtest/gtest.h>

namespace posthouse::pop3 {
namespace {

TEST(Pop3Reply, GoodAndBad)
{
    EXPECT_TRUE(parse_reply("+OK")->is_ok);
    EXPECT_EQ(parse_reply("+OK 3 170")->text, "3 170");
    EXPECT_EQ(parse_reply("+OK [x] y")->text, "[x] y") << "codes belong to -ERR";
    const Result<Reply> busy = parse_reply("-ERR [in-use] somebody else");
    ASSERT_TRUE(busy);
    EXPECT_FALSE(busy->is_ok);
    EXPECT_EQ(busy->code, "IN-USE");
    EXPECT_EQ(busy->text, "somebody else");
    EXPECT_EQ(to_error(*busy).code, ErrorCode::unavailable);
    EXPECT_EQ(to_error(*parse_reply("-ERR [AUTH] no")).code, ErrorCode::not_permitted);
    EXPECT_EQ(to_error(*parse_reply("-ERR no such message")).code, ErrorCode::not_found);
    EXPECT_EQ(parse_reply("-ERR [unclosed")->text, "[unclosed");
    for (const std::string_view line : {"", "OK", "+OKAY", "-ERROR", "220 smtp", "+ abc"})
        EXPECT_FALSE(parse_reply(line)) << line;
}

TEST(Pop3Reply, Lists)
{
    EXPECT_EQ(parse_list_item("1 120")->size, 120u);
    EXPECT_EQ(parse_list_item("2 200 more words")->number, 2u);
    for (const std::string_view line :
         {"", "1", "0 1", "1 -1", "1 x", "x 1", "1  1", "4294967296 1", "1 18446744073709551616", "1 1x"})
        EXPECT_FALSE(parse_list_item(line)) << line;
    EXPECT_EQ(parse_unique_id("1 77.3")->id, "77.3");
    EXPECT_TRUE(parse_unique_id("1 " + std::string(70, 'x')));
    for (const std::string& line : {std::string("1"), std::string("1 "), std::string("1 a b"),
                                    "1 " + std::string(71, 'x'), std::string("0 a"), std::string("1 \xff")})
        EXPECT_FALSE(parse_unique_id(line)) << line;
    EXPECT_EQ(parse_challenge("+ d2hvPw==").value_or("?"), "who?");
    EXPECT_EQ(parse_challenge("+").value_or("?"), "");
    EXPECT_EQ(parse_challenge("+ ").value_or("?"), "");
    EXPECT_FALSE(parse_challenge("+OK"));
    EXPECT_FALSE(parse_challenge("+ ???"));
    EXPECT_FALSE(parse_challenge("-ERR"));
}

TEST(MultilineDecoder, UnstuffsAndEnds)
{
    const struct {
        std::string_view sent;
        std::string_view message;
        std::string_view rest;
        std::string_view reason;
    } rows[] = {
        {".\r\n+OK", "", "+OK", "empty"},
        {"a\r\nb\r\n.\r\n", "a\r\nb\r\n", "", "lines"},
        {"..\r\n...a\r\n.\r\nx", ".\r\n..a\r\n", "x", "stuffed dots"},
        {".a\r\n.\r\n", "a\r\n", "", "a dot that nobody stuffed goes all the same"},
        {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", "", "LF . LF is no end"},
        {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "", "CRLF . LF is no end"},
        {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "", "CRLF . CR is no end"},
        {"a\r\r\n.\r\n", "a\r\r\n", "", "CR CR LF ends a line"},
        {"a\r.\r\n.\r\n", "a\r.\r\n", "", "a dot behind a bare CR is no first dot"},
        {"..\r\r\n.\r\n", ".\r\r\n", "", "CR behind a stuffed dot"},
    };
    for (const auto& row : rows) {
        for (const std::size_t cut : {1, 2, 3, 1000}) {
            MultilineDecoder decoder;
            std::string message;
            std::size_t at = 0;
            while (!decoder.is_done() && at < row.sent.size()) {
                const std::string_view piece = row.sent.substr(at, cut);
                const std::size_t taken = decoder.take(piece, message);
                at += taken;
                ASSERT_TRUE(taken == piece.size() || decoder.is_done()) << row.reason;
            }
            EXPECT_TRUE(decoder.is_done()) << row.reason;
            EXPECT_EQ(message, row.message) << row.reason << ", in pieces of " << cut;
            EXPECT_EQ(row.sent.substr(at), row.rest) << row.reason;
        }
    }
    MultilineDecoder endless;
    std::string message;
    endless.take("a\r\n.", message);
    EXPECT_FALSE(endless.is_done());
}

}  // namespace
}  // namespace posthouse::pop3
