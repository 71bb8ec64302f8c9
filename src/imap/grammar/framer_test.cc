#include "imap/grammar/framer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

using Event = Framer::Event;

// What the framer says of `bytes` fed in pieces of `step`, keeping every literal that fits.
std::vector<std::string> told(std::string_view bytes, std::size_t step, std::size_t most)
{
    std::vector<std::string> events;
    Framer framer(most);
    std::size_t begin = 0;
    std::size_t seen = 0;
    while (events.size() < 100) {
        const Framer::Step next = framer.next(bytes.substr(begin, seen - begin));
        switch (next.event) {
        case Event::need_more:
            if (seen == bytes.size())
                return events;
            seen = std::min(bytes.size(), seen + step);
            continue;
        case Event::command:
            events.push_back("command " + std::string(next.text));
            begin += framer.cut();
            continue;
        case Event::literal:
            events.push_back("literal " + std::to_string(next.literal_size) + (next.synchronising ? "" : "+"));
            if (framer.fits(next.literal_size))
                framer.keep_literal();
            else
                begin += framer.cut();
            continue;
        case Event::bare_newline:
            events.push_back("bare " + std::string(next.text));
            begin += framer.cut();
            continue;
        case Event::too_long: events.emplace_back("too long"); return events;
        }
    }
    return events;
}

struct Row {
    std::string_view why;
    std::string bytes;
    std::vector<std::string> events;
};

const Row rows[]{
    {"a plain command", "a NOOP\r\n", {"command a NOOP"}},
    {"two at once", "a NOOP\r\nb NOOP\r\n", {"command a NOOP", "command b NOOP"}},
    {"a literal within",
     "a LOGIN {3}\r\nx\ny {1+}\r\nz\r\n",
     {"literal 3", "literal 1+", "command a LOGIN {3}\r\nx\ny {1+}\r\nz"}},
    {"a literal that ends with CR, and then LF alone",
     "a {2}\r\nx\r\n\r\n",
     {"literal 2", "bare a {2}\r\nx\r", "command "}},
    {"LF alone is no line end", "a NOOP\nb NOOP\r\n", {"bare a NOOP", "command b NOOP"}},
    {"an empty literal", "a {0}\r\n\r\n", {"literal 0", "command a {0}\r\n"}},
    {"A12: a number that does not fit",
     "a {99999999999999999999}\r\nb\r\n",
     {"literal 18446744073709551615", "command b"}},
    {"A12: no number", "a {}\r\n", {"command a {}"}},
    {"A12: a negative number", "a {-1}\r\n", {"command a {-1}"}},
    {"not at the line's end", "a {3} x\r\n", {"command a {3} x"}},
    {"nothing but the announcement", "{3}\r\nabc\r\n", {"literal 3", "command {3}\r\nabc"}},
    {"digits of a literal before do not count", "a {1}\r\n{5}\r\n", {"literal 1", "command a {1}\r\n{5}"}},
    {"a literal that does not fit", "a {60}\r\nb\r\n", {"literal 60", "command b"}},
    {"A10: no end within the limit", std::string(70, 'x'), {"too long"}},
    {"A10: an end beyond the limit", std::string(64, 'x') + "\r\n", {"too long"}},
    {"the longest that is taken", std::string(62, 'x') + "\r\n", {"command " + std::string(62, 'x')}},
};

TEST(Framer, SameForAnyChunking)
{
    for (const Row& row : rows)
        for (const std::size_t step : {1u, 2u, 3u, 7u, 1000u})
            EXPECT_EQ(told(row.bytes, step, 64), row.events) << row.why << ", in pieces of " << step;
}

}  // namespace
}  // namespace posthouse::imap
