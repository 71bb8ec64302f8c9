// A recorded session's events on the terminal.
#include "app/trace_sessions.h"

#include <gtest/gtest.h>

namespace posthouse::app {
namespace {

boost::json::object event(std::string_view kind, std::string_view more = "")
{
    return boost::json::parse(R"({"kind":")" + std::string(kind) +
                              R"(","at":"2026-11-28T22:14:07.123456Z","session":1)" + std::string(more) + "}")
        .as_object();
}

TEST(SessionLine, EachKind)
{
    const ViewOptions plain{.width = 50};
    EXPECT_EQ(session_line(event("opened", R"(,"protocol":"imap","peer":"192.0.2.7","user":"a@b.test")"), plain),
              "22:14:07.123    1  imap from 192.0.2.7, a@b.test\n");
    EXPECT_EQ(session_line(event("line", R"(,"speaker":"client","text":"a NOOP")"), plain),
              "22:14:07.123    1  C a NOOP\n");
    EXPECT_EQ(session_line(event("line", R"(,"speaker":"server","text":"a OK done")"), plain),
              "22:14:07.123    1  S a OK done\n");
    EXPECT_EQ(session_line(event("closed"), plain), "22:14:07.123    1  closed\n");
    EXPECT_NE(session_line(event("line", R"(,"speaker":"client","text":"a NOOP")"), {.width = 50, .colour = true})
                  .find("\x1b["),
              std::string::npos)
        << "the client red";
    // What no server of ours says does no harm.
    EXPECT_FALSE(session_line(event("x", R"(,"text":7)"), plain).empty());
    EXPECT_FALSE(session_line({}, plain).empty());
}

}  // namespace
}  // namespace posthouse::app
