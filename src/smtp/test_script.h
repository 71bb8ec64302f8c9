// For tests: conversations as people write them down, held with a real session over a socket pair.
//
//     C: MAIL FROM:<alice@north.test>     the client says this line; lines in a row go in one write
//     R: half a li                        raw bytes, with \r \n \0 \t \\ and \xNN
//     S: 250 2.1.0                        the server's next line begins so
//     S: 250-                             (every line of a reply is one S:)
//     X                                   the server closes, having said nothing more
//     W                                   what was said so far is sent now, before what follows
#pragma once

#include "net/line_framer.h"
#include "net/test_support.h"
#include "smtp/session.h"

#include <gtest/gtest.h>

namespace posthouse::smtp {

inline std::string unescaped(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        if (c == 'x' && i + 2 < text.size()) {
            out += hex_decode(text.substr(i + 1, 2)).value_or("?");
            i += 2;
        } else {
            out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c == 't' ? '\t' : c;
        }
    }
    return out;
}

struct Turn {
    char who = 'C';
    std::string text;
    std::string written;  // as it stands in the script
};

inline std::vector<Turn> turns_of(std::string_view script)
{
    std::vector<Turn> turns;
    for (std::string_view line : split(script, '\n')) {
        line = trim(line);
        if (line.empty() || line.starts_with('#'))
            continue;
        Turn turn{line[0], std::string(line.size() > 2 ? line.substr(3) : ""), std::string(line)};
        if (turn.who == 'C')
            turn.text += "\r\n";
        if (turn.who == 'R')
            turn.text = unescaped(turn.text);
        turns.push_back(std::move(turn));
    }
    return turns;
}

// The client's half. Answers what went wrong; empty: everything went as written.
inline Task<std::string> play(net::Wire wire, std::vector<Turn> turns)
{
    net::LineFramer framer(1000);
    std::string unsent;
    std::string heard = "nothing";
    for (const Turn& turn : turns) {
        if (turn.who == 'C' || turn.who == 'R') {
            unsent += turn.text;
            continue;
        }
        if (!unsent.empty()) {
            const Result<void> sent = co_await wire.write(std::exchange(unsent, {}), net::patient());
            if (!sent && turn.who != 'X')
                co_return "cannot send before '" + turn.written + "': " + sent.error().text;
        }
        if (turn.who == 'W')
            continue;
        net::LineFramer::Frame frame = framer.next(wire.input());
        Result<void> filled;
        while (frame.kind == net::LineFramer::Kind::need_more && filled) {
            filled = co_await wire.fill(net::patient());
            frame = framer.next(wire.input());
        }
        if (turn.who == 'X') {
            if (frame.kind != net::LineFramer::Kind::need_more)
                co_return "expected the end, heard '" + std::string(frame.line) + "'";
            continue;
        }
        if (frame.kind != net::LineFramer::Kind::line)
            co_return "expected '" + turn.written + "', but the connection ended; heard last: " + heard;
        heard = frame.line;
        if (!heard.starts_with(turn.text))
            co_return "expected '" + turn.written + "', heard '" + heard + "'";
        wire.consume(frame.consumed);
    }
    if (!unsent.empty())
        co_await wire.write(std::move(unsent), net::patient());
    co_return std::string();
}

inline Task<std::string> converse(Server& server, TaskGroup& group, std::vector<Turn> turns)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    auto ends = net::connected_pair(executor);
    if (!ends)
        co_return ends.error().text;
    group.spawn_here(executor, "session", server.serve(std::move(ends->first)));
    std::string fault = co_await play(std::move(ends->second), std::move(turns));
    co_return fault;
}

// Holds the conversation; waits until the server's session has ended.
inline void expect_conversation(Server& server, std::string_view script)
{
    Loops loops(1);
    std::string bugs;
    TaskGroup group([&](std::string_view, std::string_view what) { bugs += what; });
    const std::string fault = net::run(loops[0], converse(server, group, turns_of(script)));
    group.wait();
    EXPECT_EQ(fault, "") << script;
    EXPECT_EQ(bugs, "");
}

}  // namespace posthouse::smtp
