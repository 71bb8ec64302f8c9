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

// What the journey keeps of an SMTP session, from its JSON.
TEST(SessionScript, OfWhatIsKept)
{
    const auto kept = [](std::string_view direction) {
        return boost::json::parse(R"({"hops":[{"room":"msa","peer":"192.0.2.7:4711","direction":")" +
                                  std::string(direction) + R"(","closedAt":"x",
            "steps":[{"step":"login","result":"alice@north.test"}],
            "dialogue":[
                {"kind":"line","speaker":"server","text":"220 north.test ESMTP Posthouse"},
                {"kind":"line","speaker":"client","text":"AUTH SCRAM-SHA-256 [SASL response]"},
                {"kind":"line","speaker":"server","text":"334 [challenge]"},
                {"kind":"line","speaker":"client","text":"[SASL response]"},
                {"kind":"line","speaker":"server","text":"235 2.7.0 welcome"},
                {"kind":"line","speaker":"client","text":"MAIL FROM:<alice@north.test> SIZE=9"},
                {"kind":"line","speaker":"server","text":"250 2.1.0 fine"},
                {"kind":"line","speaker":"client","text":"QUIT"},
                {"kind":"line","speaker":"server","text":"221 2.0.0 bye"}]}]})")
            .as_object();
    };
    EXPECT_EQ(session_script(kept("in")),
              "# session 1: smtp from 192.0.2.7:4711, alice@north.test\n"
              "S: 220 …\nC: AUTH PLAIN $plain\nS: 235 2.7.0 …\nC: MAIL FROM:<$user> SIZE=9\nS: 250 2.1.0 …\n"
              "C: QUIT\nS: 221 2.0.0 …\nX\n");
    EXPECT_EQ(session_script(kept("out")), "") << "there we are the client";
    EXPECT_EQ(session_script({}), "");
}

}  // namespace
}  // namespace posthouse::app
