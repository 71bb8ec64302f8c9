#include "smtp/body_framer.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::smtp {
namespace {

struct Outcome {
    BodyEvent event = BodyEvent::need_more;
    std::string body;
    std::size_t consumed = 0;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Feeds `input` in pieces that end at the offsets `cuts`.
Outcome frame(std::string_view input, const std::vector<std::size_t>& cuts)
{
    DataFramer framer;
    Outcome outcome;
    std::size_t at = 0;
    for (std::size_t cut : cuts) {
        const DataFramer::Frame frame = framer.next(input.substr(at, cut - at), outcome.body);
        outcome.event = frame.event;
        outcome.consumed = at + frame.consumed;
        if (frame.event != BodyEvent::need_more)
            break;
        at = cut;
    }
    if (outcome.event == BodyEvent::bare_cr || outcome.event == BodyEvent::bare_lf)
        outcome.body.clear(), outcome.consumed = 0;  // the session ends: what was kept is dropped
    return outcome;
}

Outcome frame(std::string_view input) { return frame(input, {input.size()}); }

TEST(DataFramer, Rows)
{
    struct Row {
        std::string_view input;
        BodyEvent event;
        std::string_view body;
        std::string_view why;
    };
    const Row rows[] = {
        {".\r\n", BodyEvent::end, "", "an empty message"},
        {"a\r\n.\r\n", BodyEvent::end, "a\r\n", "the plain case"},
        {"a\r\n..\r\n.\r\n", BodyEvent::end, "a\r\n.\r\n", "a stuffed dot"},
        {"..a\r\n...\r\n.\r\n", BodyEvent::end, ".a\r\n..\r\n", "stuffed dots"},
        {".a\r\n.\r\n", BodyEvent::end, "a\r\n", "a dot that was not doubled is taken off all the same (4.5.2)"},
        {"a.\r\n.\r\n", BodyEvent::end, "a.\r\n", "a dot at a line's end"},
        {"\r\n\r\n.\r\n", BodyEvent::end, "\r\n\r\n", "empty lines"},
        {"a\r\n.", BodyEvent::need_more, "a\r\n", "not yet"},
        {"a\r\n.\r", BodyEvent::need_more, "a\r\n", "not yet"},
        {"a\n.\r\n", BodyEvent::bare_lf, "", "LF.CRLF"},
        {"a\r.\r\n", BodyEvent::bare_cr, "", "CR.CRLF"},
        {"a\r\n.\n", BodyEvent::bare_lf, "", "CRLF.LF"},
        {"a\r\n.\r.", BodyEvent::bare_cr, "", "CRLF.CR"},
        {"a\r\n.\rb", BodyEvent::bare_cr, "", "CRLF.CR"},
        {"a\r\r\n.\r\n", BodyEvent::bare_cr, "", "CR CR LF"},
        {"\n", BodyEvent::bare_lf, "", "at once"},
        {"\ra", BodyEvent::bare_cr, "", "at once"},
        {std::string_view("a\0b\xff\r\n.\r\n", 9), BodyEvent::end, std::string_view("a\0b\xff\r\n", 6), "8-bit clean"},
    };
    for (const Row& row : rows) {
        const Outcome outcome = frame(row.input);
        EXPECT_EQ(outcome.event, row.event) << row.why;
        EXPECT_EQ(outcome.body, row.body) << row.why;
    }
    EXPECT_EQ(frame("a\r\n.\r\nQUIT\r\n").consumed, 6u);
}

// STYLE: any chunking gives the same result. Every pair of cuts, over all lines of up to 7 of the
// bytes that matter.
TEST(DataFramer, AnyChunkingIsTheSame)
{
    constexpr std::string_view alphabet = "\r\n.a";
    for (std::size_t length = 1; length <= 7; ++length) {
        std::size_t count = 1;
        for (std::size_t i = 0; i < length; ++i)
            count *= alphabet.size();
        for (std::size_t number = 0; number < count; ++number) {
            std::string input;
            for (std::size_t i = 0, rest = number; i < length; ++i, rest /= alphabet.size())
                input += alphabet[rest % alphabet.size()];
            const Outcome whole = frame(input);
            std::vector<std::size_t> bytes;
            for (std::size_t i = 1; i <= input.size(); ++i)
                bytes.push_back(i);
            ASSERT_EQ(frame(input, bytes), whole) << number;
            ASSERT_EQ(frame(input, {length / 2, length}), whole) << number;
        }
    }
}

std::string stuffed(std::string_view body, std::size_t piece)
{
    DotStuffer stuffer;
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += piece)
        stuffer.stuff(body.substr(at, piece), out);
    out += stuffer.end();
    return out;
}

TEST(DotStuffer, WhatIsSentIsReadBack)
{
    std::mt19937 dice(1);
    for (int round = 0; round < 2000; ++round) {
        std::string body;
        for (unsigned i = dice() % 40; i > 0; --i)
            body += std::array<const char*, 5>{"\r\n", ".", "a", "\r\n.", "bc"}[dice() % 5];
        if (!body.ends_with("\r\n"))
            body += "\r\n";
        for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
            const Outcome outcome = frame(stuffed(body, piece));
            ASSERT_EQ(outcome.event, BodyEvent::end);
            ASSERT_EQ(outcome.body, body);
        }
    }
}

// HOSTILE A2: whatever is stored, the one end of data is ours and no bare CR or LF leaves.
TEST(DotStuffer, NoEndOfDataButOurs)
{
    std::mt19937 dice(2);
    for (int round = 0; round < 5000; ++round) {
        std::string body;
        for (unsigned i = dice() % 30; i > 0; --i)
            body += "\r\n.a"[dice() % 4];
        const std::string sent = stuffed(body, 1 + dice() % 5);
        const Outcome outcome = frame(sent + "QUIT\r\n");
        ASSERT_EQ(outcome.event, BodyEvent::end);
        ASSERT_EQ(outcome.consumed, sent.size());
        ASSERT_EQ(sent, stuffed(body, 1000));
    }
    EXPECT_EQ(stuffed("a\n.\nb", 100), "a\r\n..\r\nb\r\n.\r\n");
    EXPECT_EQ(stuffed("a\r.\rb\r\n", 100), "a\r\n..\r\nb\r\n.\r\n");
    EXPECT_EQ(stuffed("", 100), ".\r\n");
}

// A time limit of the whole suite would notice if it were not linear: without that it takes minutes.
TEST(DotStuffer, IsLinear)
{
    for (const std::string_view unit : {"\r", "\n", ".", "\r\n", "a"}) {
        std::string body;
        while (body.size() < 2'000'000)
            body += unit;
        EXPECT_GE(stuffed(body, body.size()).size(), body.size());
    }
}

TEST(LineEnds, AnyChunkingIsTheSame)
{
    const std::pair<std::string_view, BodyEvent> rows[] = {
        {"a\r\nb", BodyEvent::need_more}, {"a\nb", BodyEvent::bare_lf},   {"\n", BodyEvent::bare_lf},
        {"a\rb", BodyEvent::bare_cr},     {"\r\r\n", BodyEvent::bare_cr}, {"\r\n\n", BodyEvent::bare_lf},
    };
    for (const auto& [input, expected] : rows)
        for (std::size_t piece = 1; piece <= input.size(); ++piece) {
            LineEnds ends;
            BodyEvent event = BodyEvent::need_more;
            for (std::size_t at = 0; at < input.size() && event == BodyEvent::need_more; at += piece)
                event = ends.check(input.substr(at, piece));
            EXPECT_EQ(event, expected) << input << " by " << piece;
        }
    LineEnds ends;
    ends.check("a\r");
    EXPECT_TRUE(ends.waits_for_lf());
}

}  // namespace
}  // namespace posthouse::smtp
