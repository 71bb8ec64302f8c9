// A session that is recorded on demand becomes a script, and the script is played again: journey/session_recorder.h.
#include "imap/server/test_messages.h"
#include "journey/conversation.h"

namespace posthouse::imap {
namespace {

const net::Player alice{"alice@north.test", "posthouse"};
const net::Player bob{"bob@north.test", "posthouse"};

// What clients do, in forms that a recording must bring over: literals of both kinds, logins of every kind, IDLE, two
// sessions at once.
constexpr std::string_view played = R"~(
    S: * OK …
    C: a CAPABILITY
    S: * CAPABILITY …
    S: a OK …
    C: b AUTHENTICATE PLAIN
    S: + …
    C: AGFsaWNlQG5vcnRoLnRlc3QAcG9zdGhvdXNl
    S: b OK …
    S2: * OK …
    C2: l LOGIN {16}
    S2: + …
    C2: alice@north.test {9+}
    C2: posthouse
    S2: l OK …
    C: c APPEND INBOX (\Seen) {49}
    S: + …
    R: From: x@north.test\r\nSubject: secret words\r\n\r\nhi\r\n\r\n
    S: c OK [APPENDUID …] appended
    C: d CREATE {7+}
    C: Another
    S: d OK …
    C: e SELECT INBOX
    S: * FLAGS …
    S: * OK …
    S: * 1 EXISTS
    S: * 1 RECENT
    S: * OK …
    S: * OK …
    S: * OK …
    S: * OK …
    S: e OK …
    C: f FETCH 1 (FLAGS UID RFC822.SIZE ENVELOPE BODY.PEEK[])
    S: * 1 FETCH (FLAGS (\Seen \Recent) UID 1 RFC822.SIZE 49 ENVELOPE (NIL "secret words" …) BODY[] {49}
    S: From: x@north.test
    S: Subject: secret words
    S:
    S: hi
    S: )
    S: f OK …
    C: g IDLE
    S: + …
    C2: m APPEND INBOX {2+}
    C2: hi
    S2: m OK …
    S: * 2 EXISTS
    S: * 2 RECENT
    C: DONE
    S: g OK …
    C: h LOGIN
    S: h BAD …
    C: LOGIN alice secret
    S: LOGIN BAD …
    C: i LOGOUT
    S: * BYE …
    S: i OK …
    X
    C2: n LOGOUT
    S2: * BYE …
    S2: n OK …
    X2
)~";

struct Recorded {
    std::string script;
    std::string shown;
};

Recorded record(const journey::SessionWish& wish, std::string_view script)
{
    SystemClock clock;
    journey::SessionRecorder recorder(clock);
    Recorded recorded;
    const Result<Id> watch = recorder.watch(wish);
    EXPECT_TRUE(watch);
    {
        TestHouse house(TestHouse::options_for_tests(), nullptr, &recorder);
        expect_conversation(house, script);
    }
    journey::ConversationWriter writer;
    const Result<std::vector<journey::Heard>> heard = recorder.take(*watch);
    EXPECT_TRUE(heard);
    for (const journey::Heard& one : *heard) {
        recorded.script += writer.add(one);
        recorded.shown += one.text + "\n";
    }
    return recorded;
}

TEST(Recording, BecomesATestThatPasses)
{
    const Recorded recorded = record({.user = "Alice@North.test"}, played);
    for (const std::string_view secret :
         {"posthouse\n", "AGFsaWNl", "secret words", "hi\n", "alice secret", "unknown command"})
        EXPECT_EQ(recorded.shown.find(secret), std::string::npos) << secret << " in\n" << recorded.shown;
    EXPECT_NE(recorded.script.find("C: b LOGIN $user $password\nS: b OK [CAPABILITY …] …\n"), std::string::npos)
        << recorded.script;
    EXPECT_NE(recorded.script.find("C: c APPEND INBOX (\\Seen) {49}\nS: + …\nB: 49\nC:\n"), std::string::npos)
        << recorded.script;
    EXPECT_NE(recorded.script.find("C: DONE\n"), std::string::npos) << recorded.script;
    EXPECT_NE(recorded.script.find("C2: l LOGIN $user $password\n"), std::string::npos) << recorded.script;
    EXPECT_NE(recorded.script.find("BODY[] {…}\nL\nS: )\n"), std::string::npos) << recorded.script;

    for (const net::Player& player : {alice, bob}) {
        TestHouse house;
        const std::string fault = house.run(play(house, turns_of(recorded.script, player)));
        EXPECT_EQ(fault, "") << recorded.script;
    }
}

TEST(Recording, OnlyOfWhomItWasAskedFor)
{
    EXPECT_EQ(record({.user = "bob@north.test"}, played).script, "");
    EXPECT_EQ(record({.protocol = journey::Protocol::pop3, .user = "alice@north.test"}, played).script, "");
    EXPECT_EQ(record({.user = "alice@north.test", .peer = "192.0.2.1"}, played).script, "");
    // After UNAUTHENTICATE it is somebody else's.
    const Recorded recorded = record({.user = "alice@north.test"}, as_alice(R"~(
        C: a UNAUTHENTICATE
        S: a OK …
        C: b LOGIN bob@north.test posthouse
        S: b OK …
        C: c CREATE Bobs
        S: c OK …
    )~"));
    EXPECT_EQ(recorded.script.find("Bobs"), std::string::npos) << recorded.script;
    EXPECT_NE(recorded.script.find("UNAUTHENTICATE"), std::string::npos) << recorded.script;
}

}  // namespace
}  // namespace posthouse::imap
