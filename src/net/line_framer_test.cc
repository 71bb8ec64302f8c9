#include "net/line_framer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace posthouse::net {
namespace {

using Kind = LineFramer::Kind;

struct Seen {
    Kind kind;
    std::string line;
    friend bool operator==(const Seen&, const Seen&) = default;
    friend void PrintTo(const Seen& seen, std::ostream* out) { *out << int(seen.kind) << " '" << seen.line << "'"; }
};

// Feeds `input` in pieces of `piece` bytes, as a wire would, and collects the frames.
std::vector<Seen> frames(LineFramer& framer, const std::string& input, std::size_t piece)
{
    std::vector<Seen> seen;
    std::string buffer;
    std::size_t at = 0;
    for (;;) {
        const LineFramer::Frame frame = framer.next(buffer);
        if (frame.kind != Kind::need_more)
            seen.push_back({frame.kind, std::string(frame.line)});
        buffer.erase(0, frame.consumed);
        if (frame.kind != Kind::need_more)
            continue;
        if (at == input.size())
            return seen;
        buffer += input.substr(at, piece);
        at = std::min(input.size(), at + piece);
    }
}

struct Row {
    const char* why;
    std::string input;
    std::vector<Seen> expected;
};

const Row rows[] = {
    {"one line", "NOOP\r\n", {{Kind::line, "NOOP"}}},
    {"pipelined lines", "a\r\nb\r\n", {{Kind::line, "a"}, {Kind::line, "b"}}},
    {"an empty line is a line", "\r\n", {{Kind::line, ""}}},
    {"nothing before its end", "QUIT\r", {}},
    {"NUL and 8-bit bytes belong to the grammar", std::string("a\0\xff\r\n", 5), {{Kind::line, {"a\0\xff", 3}}}},
    {"nc without -C", "NOOP\nQUIT\n", {{Kind::bare_lf, "NOOP"}, {Kind::bare_lf, "QUIT"}}},
    {"the line after a bare LF is read", "a\nb\r\n", {{Kind::bare_lf, "a"}, {Kind::line, "b"}}},
    {"a bare CR spoils its line, once", "a\rb\rc\r\nd\r\n", {{Kind::bare_cr, "a"}, {Kind::line, "d"}}},
    {"two CR before an LF", "a\r\r\nd\r\n", {{Kind::bare_cr, "a"}, {Kind::line, "d"}}},
    {"behind a bare CR a bare LF ends the line too", "a\rQUIT\nd\r\n", {{Kind::bare_cr, "a"}, {Kind::line, "d"}}},
    {"exactly the limit", "12345678\r\n", {{Kind::line, "12345678"}}},
    {"one over the limit", "123456789\r\nd\r\n", {{Kind::too_long, "123456789"}, {Kind::line, "d"}}},
    {"far over the limit", std::string(5000, 'x') + "\r\nd\r\n", {{Kind::too_long, "xxxxxxxxxx"}, {Kind::line, "d"}}},
    {"bare LF as the last byte allowed", "123456789\n", {{Kind::bare_lf, "123456789"}}},
};

TEST(LineFramer, SameFramesForEveryChunking)
{
    for (const Row& row : rows)
        for (std::size_t piece = 1; piece <= row.input.size(); ++piece) {
            LineFramer framer(10);
            EXPECT_EQ(frames(framer, row.input, piece), row.expected) << row.why << ", in pieces of " << piece;
        }
}

TEST(LineFramer, CountsWhatItSwallowsWithoutKeepingIt)
{
    LineFramer framer(10);
    EXPECT_EQ(framer.next("0123456789abcdef").kind, Kind::too_long);
    EXPECT_TRUE(framer.is_swallowing());
    EXPECT_EQ(framer.swallowed(), 0u);
    const LineFramer::Frame rest = framer.next("abcdef");
    EXPECT_EQ(rest.kind, Kind::need_more);
    EXPECT_EQ(rest.consumed, 6u);
    EXPECT_EQ(framer.swallowed(), 6u);
    const LineFramer::Frame after = framer.next("\r\nNOOP\r\n");
    EXPECT_EQ(after.kind, Kind::line);
    EXPECT_EQ(after.line, "NOOP");
    EXPECT_EQ(after.consumed, 8u);
    EXPECT_FALSE(framer.is_swallowing());
    EXPECT_EQ(framer.swallowed(), 8u);
}

TEST(LineFramer, TheLimitMayChangeBetweenFrames)
{
    LineFramer framer(4);
    EXPECT_EQ(framer.next("ab\r\n").kind, Kind::line);
    framer.limit(12);
    EXPECT_EQ(framer.next("0123456789\r\n").kind, Kind::line);
    framer.limit(4);
    EXPECT_EQ(framer.next("0123\r\n").kind, Kind::too_long);
}

TEST(LineFramer, ResetForgetsTheBeginningOfALine)
{
    LineFramer framer(100);
    EXPECT_EQ(framer.next("abc\r").kind, Kind::need_more);
    framer.reset();
    const LineFramer::Frame frame = framer.next("\n");
    EXPECT_EQ(frame.kind, Kind::bare_lf);
}

}  // namespace
}  // namespace posthouse::net
