// For tests: conversations as people write them down (net/test_script.h), held with a real session over a socket pair.
//
//     C: MAIL FROM:<alice@north.test>     the client says this line; lines in a row go in one write
//     S: 250 2.1.0                        the server's next line begins so
//     S: 250-                             (every line of a reply is one S:)
#pragma once

#include "net/test_script.h"
#include "net/test_support.h"
#include "smtp/session.h"

#include <gtest/gtest.h>

namespace posthouse::smtp {

using net::Turn;
using net::unescaped;

inline std::vector<Turn> turns_of(std::string_view script, const net::Player& player = {"alice", "posthouse"})
{
    std::vector<Turn> turns = net::turns_of(script, player);
    for (Turn& turn : turns)
        if (turn.who == 'S')
            turn.text += "…";
    return turns;
}

// What net::play() plays with: there is one connection, and it is there already.
struct OneWire {
    net::Wire wire;
    net::Wire connect() { return std::move(wire); }
};

// The client's half. Answers what went wrong; empty: everything went as written.
inline Task<std::string> play(net::Wire wire, std::vector<Turn> turns)
{
    OneWire house{std::move(wire)};
    std::string fault = co_await net::play(house, std::move(turns));
    co_return fault;
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
