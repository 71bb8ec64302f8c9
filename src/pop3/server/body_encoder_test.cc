#include "pop3/server/body_encoder.h"

#include <gtest/gtest.h>

namespace posthouse::pop3 {
namespace {

std::string encode(std::string_view message, std::size_t piece)
{
    BodyEncoder encoder;
    std::string out;
    for (std::size_t at = 0; at < message.size(); at += piece)
        out += encoder.encode(std::string(message.substr(at, piece)));
    return out + encoder.finish();
}

std::string top(std::string_view message, std::uint64_t lines, std::size_t piece)
{
    TopCutter cutter(lines);
    std::string out;
    for (std::size_t at = 0; at < message.size() && !cutter.is_done(); at += piece) {
        const std::string_view part = message.substr(at, piece);
        out += part.substr(0, cutter.take(part));
    }
    return out;
}

TEST(BodyEncoder, WritesLinesAndDots)
{
    const struct {
        std::string_view message;
        std::string_view sent;
        std::string_view reason;
    } rows[] = {
        {"a\r\nb\r\n", "a\r\nb\r\n.\r\n", "as it is"},
        {"", ".\r\n", "an empty message"},
        {".\r\n", "..\r\n.\r\n", "a line that is a dot"},
        {".a\r\n..b\r\nc.\r\n", "..a\r\n...b\r\nc.\r\n.\r\n", "dots in front only"},
        {"a", "a\r\n.\r\n", "no line end at the end"},
        {"a\r", "a\r\r\n.\r\n", "a CR at the end is no line end"},
        {"a\nb\n", "a\r\nb\r\n.\r\n", "bare LF from APPEND"},
        {"a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n", "LF . LF is not the end (HOSTILE A2)"},
        {"a\n.\r\nb\n", "a\r\n..\r\nb\r\n.\r\n", "nor LF . CRLF"},
        {"a\r.\r\nb\r\n", "a\r.\r\nb\r\n.\r\n", "a bare CR ends no line"},
        {"\n\n", "\r\n\r\n.\r\n", "empty lines"},
        {"\r\r\n", "\r\r\n.\r\n", "CR CR LF is one line"},
    };
    for (const auto& row : rows)
        for (const std::size_t piece : {1, 2, 3, 1000})
            EXPECT_EQ(encode(row.message, piece), row.sent) << row.reason << ", in pieces of " << piece;
}

TEST(BodyEncoder, DoesNotCopyWhatNeedsNoChange)
{
    std::string message = "Subject: x\r\n\r\n" + std::string(1000, 'x') + "\r\n";
    const char* bytes = message.data();
    BodyEncoder encoder;
    EXPECT_EQ(encoder.encode(std::move(message)).data(), bytes);
}

TEST(TopCutter, CutsBehindTheLines)
{
    const std::string_view message = "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree";
    const struct {
        std::uint64_t lines;
        std::string_view top;
    } rows[] = {
        {0, "A: 1\r\nB: 2\r\n\r\n"},
        {1, "A: 1\r\nB: 2\r\n\r\none\r\n"},
        {2, "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n"},
        {3, "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree"},
        {~std::uint64_t{0}, "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree"},
    };
    for (const auto& row : rows)
        for (const std::size_t piece : {1, 2, 5, 1000})
            EXPECT_EQ(top(message, row.lines, piece), row.top) << row.lines << " lines in pieces of " << piece;
    EXPECT_EQ(top("A: 1\nB: 2\n\none\ntwo\n", 1, 3), "A: 1\nB: 2\n\none\n") << "bare LF";
    EXPECT_EQ(top("A: 1\r\nB: 2\r\n", 5, 1), "A: 1\r\nB: 2\r\n") << "a header and nothing else";
    EXPECT_EQ(top("\r\nbody\r\n", 0, 1), "\r\n") << "no header";
    EXPECT_EQ(top("A: 1\r\n\r\r\nB\r\n", 0, 1), "A: 1\r\n\r\r\nB\r\n") << "CR CR LF is no empty line";
    EXPECT_EQ(top("", 3, 1), "");
}

}  // namespace
}  // namespace posthouse::pop3
