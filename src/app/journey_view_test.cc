#include "app/journey_view.h"

#include "base/terminal.h"
#include "console/journey_json.h"

#include <sstream>

#include <gtest/gtest.h>

namespace posthouse::app {
namespace {

using journey::Event;
using journey::Kind;
using journey::Number;
using journey::Text;

constexpr Id message = 0x0199'0000'0000'0001;
constexpr Id session_in = 0x0199'0000'0000'0000;
constexpr Id session_out = 0x0199'0000'0000'0009;
const WallTime start = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 28)) + 22h + 14min + 3s;

struct Telling {
    std::vector<Event> events;

    Event& add(Kind kind, Duration after, Id session, Id of_message,
               std::initializer_list<std::pair<Text, std::string_view>> texts,
               std::initializer_list<std::pair<Number, std::uint64_t>> numbers = {})
    {
        Event event{.kind = kind, .at = start + after, .session = session, .message = of_message};
        for (const auto& [field, value] : texts)
            event.set(field, value);
        for (const auto& [field, value] : numbers)
            event.set(field, value);
        events.push_back(std::move(event));
        return events.back();
    }
    void say(Duration after, Id session, bool by_server, std::string_view text)
    {
        add(Kind::line, after, session, message, {{Text::text, text}}, {{Number::speaker, by_server ? 1 : 0}});
    }
};

// Alice writes to bob, who is here, and to carol and dave, who are not: one is handed on, one must wait.
Telling sample()
{
    Telling t;
    t.add(Kind::hop, 0ms, session_in, 0,
          {{Text::room, "msa"}, {Text::peer, "127.0.0.1:51122"}, {Text::local, "127.0.0.1:2587"}});
    t.add(Kind::tls, 3ms, session_in, 0, {{Text::version, "TLSv1.3"}, {Text::cipher, "TLS_AES_256_GCM_SHA384"}});
    t.add(Kind::step, 212ms, session_in, 0,
          {{Text::room, "msa"}, {Text::step, "login"}, {Text::result, "alice@north.test"}, {Text::reason, "by PLAIN"}},
          {{Number::account, 11}});
    t.say(213ms, session_in, false, "MAIL FROM:<alice@north.test>");
    t.add(Kind::step, 213ms, session_in, message,
          {{Text::room, "msa"},
           {Text::step, "sender"},
           {Text::result, "250 2.1.0"},
           {Text::reason, "an address of this account"},
           {Text::sender, "alice@north.test"}},
          {{Number::account, 11}});
    t.say(213ms, session_in, true, "250 2.1.0 alice@north.test may go on");
    for (const std::string_view recipient : {"bob@north.test", "carol@south.test", "dave@full.test"})
        t.add(Kind::step, 214ms, session_in, message,
              {{Text::room, "msa"},
               {Text::step, "recipient"},
               {Text::result, "250 2.1.5"},
               {Text::recipient, recipient}});
    t.add(Kind::step, 220ms, session_in, message,
          {{Text::room, "msa"},
           {Text::step, "accepted"},
           {Text::result, "250 2.0.0"},
           {Text::reason, "safe on disk: from here on it is ours to deliver"},
           {Text::message_id, "4f2@north.test"}},
          {{Number::size, 10'240}});
    t.add(Kind::step, 221ms, 0, message,
          {{Text::room, "mda"},
           {Text::step, "filed"},
           {Text::result, "INBOX, UID 17"},
           {Text::recipient, "bob@north.test"}},
          {{Number::account, 12}});
    t.add(Kind::dns, 223ms, 0, message,
          {{Text::room, "mta/route"},
           {Text::question, "MX south.test"},
           {Text::answer, "10 mx.south.test"},
           {Text::status, "NOERROR"}},
          {{Number::took, 800}});
    t.add(Kind::hop, 230ms, session_out, message,
          {{Text::room, "mta/relay"}, {Text::peer, "127.0.0.2:2525"}, {Text::peer_name, "mx.south.test"}},
          {{Number::way, 1}});
    t.add(Kind::step, 260ms, session_out, message,
          {{Text::room, "mta/relay"},
           {Text::step, "relayed"},
           {Text::result, "250 2.0.0"},
           {Text::recipient, "carol@south.test"},
           {Text::next_host, "mx.south.test"},
           {Text::next_id, "0csj00000000b"}});
    t.add(Kind::wait, 300ms, 0, message,
          {{Text::room, "mta/queue"},
           {Text::recipient, "dave@full.test"},
           {Text::result, "452 4.3.1 mailbox server is out of space"},
           {Text::reason,
            "the host asks to come back later, and it is the first time that it does so, which the schedule allows"}},
          {{Number::attempts, 1},
           {Number::until, static_cast<std::uint64_t>((start + 1min).time_since_epoch().count())}});
    return t;
}

std::string tree(const ViewOptions& options)
{
    return journey_tree(console::to_json(journey::tell_story(message, sample().events)), options);
}

}  // namespace

TEST(JourneyView, TheTree)
{
    EXPECT_EQ(tree({.width = 80}), R"(0368000000001  alice@north.test → bob@north.test, carol@south.test, dave@full.t…
2026-11-28 22:14:03 UTC, took 300 ms, 10.0 KiB, <4f2@north.test>

  ✓ bob@north.test    in INBOX, UID 17
  ✓ carol@south.test  handed to mx.south.test as 0csj00000000b
  … dave@full.test    waits until 2026-11-28 22:15:03 UTC: 452 4.3.1 mailbox
                      server is out of space: the host asks to come back later,
                      and it is the first time that it does so, which the
                      schedule allows

    0.0 ms ● From 127.0.0.1:51122
           │ submission on 127.0.0.1:2587, session 0368000000000
    3.0 ms │ ├─ TLS         TLSv1.3, TLS_AES_256_GCM_SHA384
    212 ms │ ├─ login       alice@north.test, by PLAIN
    213 ms │ ├─ sender      alice@north.test, 250 2.1.0,
           │ │              an address of this account
    214 ms │ ├─ recipient   bob@north.test, 250 2.1.5
    214 ms │ ├─ recipient   carol@south.test, 250 2.1.5
    214 ms │ ├─ recipient   dave@full.test, 250 2.1.5
    220 ms │ └─ accepted    250 2.0.0,
           │                safe on disk: from here on it is ours to deliver
           │
    221 ms ● Into the mailboxes
    221 ms │ └─ filed       bob@north.test, INBOX, UID 17
           │
    223 ms ● Route
    223 ms │ └─ DNS         MX south.test?, 10 mx.south.test, unsigned in 0.8 ms
           │
    230 ms ● To mx.south.test at 127.0.0.2:2525  session 0368000000009
    260 ms │ └─ relayed     carol@south.test, 250 2.0.0, to mx.south.test,
           │                there it is 0csj00000000b
           │
    300 ms ● Queue
    300 ms   └─ waits       dave@full.test,
                            452 4.3.1 mailbox server is out of space,
                            next attempt 2026-11-28 22:15:03 UTC,
                            1 attempt so far,
                            the host asks to come back later, and it is the
                            first time that it does so, which the schedule
                            allows
)");
}

TEST(JourneyView, ConversationInColour)
{
    const std::string text = tree({.width = 100, .colour = true, .dialogue = true});
    EXPECT_NE(text.find("\x1b[31mC MAIL FROM:<alice@north.test>\x1b[0m"), std::string::npos) << text;
    EXPECT_NE(text.find("\x1b[34mS 250 2.1.0 alice@north.test may go on\x1b[0m"), std::string::npos) << text;
    EXPECT_EQ(tree({.width = 100, .dialogue = true}).find('\x1b'), std::string::npos);
}

TEST(JourneyView, NoLineIsWiderThanTheTerminal)
{
    for (const std::size_t width : {60, 72, 80, 100, 132}) {
        std::istringstream lines(tree({.width = width, .dialogue = true}));
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(display_width(line), width) << line;
    }
}

TEST(JourneyView, ControlsOfAPeerNeverReachTheTerminal)
{
    Telling t = sample();
    t.say(400ms, session_out, true,
          "550 \x1b]0;owned\x07 \x9b"
          "31m go away\r\x08");
    t.add(Kind::step, 401ms, session_out, message, {{Text::step, "failed"}, {Text::recipient, "x\x1b[2J@south.test"}});
    const std::string text =
        journey_tree(console::to_json(journey::tell_story(message, t.events)), {.width = 80, .dialogue = true});
    for (const char c : text)
        EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << text;
    EXPECT_NE(text.find("550 \\x1b]0;owned"), std::string::npos) << text;
}

TEST(JourneyView, Spans)
{
    EXPECT_EQ(span_text(-1), "earlier");
    EXPECT_EQ(span_text(0), "0.0 ms");
    EXPECT_EQ(span_text(440), "0.4 ms");
    EXPECT_EQ(span_text(12'400), "12 ms");
    EXPECT_EQ(span_text(1'240'000), "1.2 s");
    EXPECT_EQ(span_text(185'000'000), "3 m 5 s");
    EXPECT_EQ(span_text(7'440'000'000), "2 h 4 m");
    EXPECT_EQ(span_text(5LL * 86'400'000'000), "5 d 0 h");
}

}  // namespace posthouse::app
