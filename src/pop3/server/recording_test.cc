// A POP3 session that is recorded on demand becomes a script, and the script is played again.
#include "journey/conversation.h"
#include "net/test_script.h"
#include "pop3/server/test_door.h"

namespace posthouse::pop3 {
namespace {

constexpr std::string_view played = R"~(
    S: +OK …
    C: CAPA
    S: +OK …
    D
    C: alice secret
    S: -ERR …
    C: AUTH PLAIN
    S: + …
    C: AGFsaWNlQG5vcnRoLnRlc3QAc2VjcmV0
    S: +OK …
    C: STAT
    S: +OK 1 32
    C: LIST
    C: RETR 1
    S: +OK …
    D
    S: +OK …
    D
    C: RETR 2
    S: -ERR …
    C: QUIT
    S: +OK …
    X
)~";

TEST(Recording, BecomesATestThatPasses)
{
    SystemClock clock;
    journey::SessionRecorder recorder(clock);
    const Result<Id> watch = recorder.watch({.protocol = journey::Protocol::pop3, .user = "alice@north.test"});
    ASSERT_TRUE(watch);
    std::string script;
    const auto hold = [](TestDoor& door, std::string_view talk) {
        door.file("Subject: unmistakable\r\n\r\nwords\r\n");
        return door.run(net::play(door, net::turns_of(talk, {"alice@north.test", "secret"})));
    };
    {
        TestDoor door(false, true, &recorder);
        EXPECT_EQ(hold(door, played), "");
    }
    journey::ConversationWriter writer;
    const Result<std::vector<journey::Heard>> heard = recorder.take(*watch);
    ASSERT_TRUE(heard);
    for (const journey::Heard& one : *heard) {
        for (const std::string_view secret : {"alice secret", "AGFsaWNl", "unmistakable"})
            EXPECT_EQ(one.text.find(secret), std::string::npos) << one.text;
        script += writer.add(one);
    }
    EXPECT_NE(script.find("C: USER $user\nS: +OK …\nC: PASS $password\nS: +OK …\n"), std::string::npos) << script;
    EXPECT_NE(script.find("S: +OK 1 32\nC: LIST\n"), std::string::npos) << script;
    TestDoor door;
    EXPECT_EQ(hold(door, script), "") << script;
}

}  // namespace
}  // namespace posthouse::pop3
