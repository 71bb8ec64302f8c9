// Sessions from an address that are recorded on demand become a script, and the script is played again.
#include "mta/receive/receive.h"

#include "directory/test_house.h"
#include "journey/conversation.h"
#include "smtp/test_door.h"
#include "smtp/test_script.h"

namespace posthouse::mta::receive {
namespace {

struct NoQuotas final : smtp::Quotas {
    Task<Result<void>> has_room(Id, std::uint64_t) override { co_return Result<void>{}; }
};

// Our port 25; `recorder` hears everything.
struct Port {
    explicit Port(Recorder& listens) : recorder(listens) { people.north(); }
    ~Port() { group.wait(); }
    net::Wire connect()
    {
        auto ends = net::connected_pair(loops[0].executor());
        EXPECT_TRUE(ends);
        group.spawn(loops[0], "session", server.serve(std::move(ends->first)));
        return std::move(ends->second);
    }
    std::string hold(std::string_view script) { return net::run(loops[0], net::play(*this, smtp::turns_of(script))); }

    Recorder& recorder;
    directory::TestHouse people;
    smtp::TestHouse house;
    smtp::TestIntake intake;
    NoQuotas quotas;
    Receive door{{people.directory(), intake, quotas, house.clock, recorder, house.log}, {.host_name = "north.test"}};
    smtp::ServerServices services{door, house.ids, house.clock, recorder, house.log, nullptr};
    smtp::Server server{services, smtp::TestHouse::hasty()};
    Loops loops{1};
    TaskGroup group{[](std::string_view, std::string_view what) { ADD_FAILURE() << what; }};
};

constexpr std::string_view played = R"~(
    S: 220
    S2: 220
    C: EHLO south.test
    M: 250 …
    C2: HELO telnet
    S2: 250
    C: MAIL FROM:<carol@south.test> SIZE=32
    C: RCPT TO:<bob@north.test>
    C: RCPT TO:<nobody@north.test>
    C: DATA
    S: 250 2.1.0
    S: 250 2.1.5
    S: 550 5.1.1
    S: 354
    C: Subject: unmistakable
    C:
    C: words
    C: .
    S: 250 2.0.0
    C2: mail from:<>
    S2: 250 2.1.0
    C2: rcpt to:<eve@away.test>
    S2: 550
    C2: DATA
    S2: 554 5.5.1
    C: RSET
    S: 250 2.0.0
    C: BDAT 4 LAST
    R: oh\r\n
    S: 503 5.5.1
    C2: NONSENSE
    S2: 500 5.5.1
    C2: QUIT
    S2: 221 2.0.0
    X2
    C: QUIT
    S: 221
    X
)~";

TEST(Recording, BecomesATestThatPasses)
{
    SystemClock clock;
    journey::SessionRecorder recorder(clock);
    const Result<Id> watch = recorder.watch({.protocol = journey::Protocol::smtp, .user = "", .peer = "unix"});
    ASSERT_TRUE(watch);
    {
        Port port(recorder);
        ASSERT_EQ(port.hold(played), "");
    }
    const Result<std::vector<journey::Heard>> heard = recorder.take(*watch);
    ASSERT_TRUE(heard);
    journey::ConversationWriter writer;
    std::string script;
    for (const journey::Heard& one : *heard) {
        EXPECT_EQ(one.text.find("unmistakable"), std::string::npos) << one.text;
        script += writer.add(one);
    }
    EXPECT_NE(script.find("C: From: <carol@south.test>\nC:\nB: 32\nC:\nC: .\n"), std::string::npos) << script;
    EXPECT_NE(script.find("C2: NONSENSE\n"), std::string::npos) << script;
    NoRecorder nobody;
    Port port(nobody);
    EXPECT_EQ(port.hold(script), "") << script;
    EXPECT_EQ(port.intake.kept.size(), 1u);
}

}  // namespace
}  // namespace posthouse::mta::receive
