// A submission that is recorded on demand becomes a script, and the script is played again.
#include "directory/test_house.h"
#include "journey/conversation.h"
#include "msa/submission.h"
#include "smtp/client.h"
#include "smtp/test_door.h"
#include "smtp/test_script.h"

namespace posthouse::msa {
namespace {

struct NoQuotas final : smtp::Quotas {
    Task<Result<void>> has_room(Id, std::uint64_t) override { co_return Result<void>{}; }
};

// A house with submission by implicit TLS; `recorder` hears everything.
struct TlsHouse {
    explicit TlsHouse(Recorder& recorder) : recorder_(recorder) { people.north(); }

    std::string hold(std::string_view script)
    {
        TaskGroup group([](std::string_view, std::string_view what) { ADD_FAILURE() << what; });
        Loops loops(1);
        std::string fault =
            net::run(loops[0], talk(*this, group, smtp::turns_of(script, {"alice@north.test", "secret"})));
        group.wait();
        return fault;
    }
    static Task<void> serve(TlsHouse& house, net::Wire wire)
    {
        const Result<void> done = co_await wire.accept_tls(*house.tls, net::patient());
        EXPECT_TRUE(done);
        co_await house.server.serve(std::move(wire));
    }
    static Task<std::string> talk(TlsHouse& house, TaskGroup& group, std::vector<smtp::Turn> turns)
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        auto ends = net::connected_pair(executor);
        group.spawn_here(executor, "session", serve(house, std::move(ends->first)));
        const Result<void> done = co_await ends->second.connect_tls(*house.roots, "north.test", net::patient());
        EXPECT_TRUE(done);
        std::string fault = co_await smtp::play(std::move(ends->second), std::move(turns));
        co_return fault;
    }

    net::Folder folder;
    net::TlsContext::Files files = net::self_signed(folder, "north", {"north.test"});
    std::unique_ptr<net::TlsContext> tls = std::move(*net::TlsContext::server({files}));
    std::unique_ptr<net::TlsContext> roots =
        std::move(*net::TlsContext::client(net::TlsContext::Verify::yes, files.certificate));
    directory::TestHouse people;
    smtp::TestHouse house;
    smtp::TestIntake intake;
    NoQuotas quotas;
    net::ConnectionTable connections{{}};
    Recorder& recorder_;
    Submission door{{people.directory(), people.authenticator(), *people.made.outgoing, intake, quotas, connections,
                     house.clock, house.random, recorder_, house.log},
                    {.host_name = "north.test"}};
    smtp::ServerServices services{door, house.ids, house.clock, recorder_, house.log, nullptr};
    smtp::Server server{services, smtp::TestHouse::hasty()};
};

// "\0alice@north.test\0secret"
constexpr std::string_view played = R"~(
    S: 220
    C: EHLO client.test
    M: 250 …
    C: AUTH LOGIN
    S: 334
    C: YWxpY2VAbm9ydGgudGVzdA==
    S: 334
    C: d3Jvbmc=
    S: 535 5.7.8
    C: AUTH PLAIN
    S: 334
    C: AGFsaWNlQG5vcnRoLnRlc3QAc2VjcmV0
    S: 235 2.7.0
    C: MAIL FROM:<alice@north.test>
    S: 250 2.1.0
    C: RCPT TO:<bob@north.test>
    S: 250 2.1.5
    C: RCPT TO:<nobody@north.test>
    S: 550 5.1.1
    C: DATA
    S: 354
    C: From: alice@north.test
    C: Subject: unmistakable
    C:
    C: ..
    C: .
    S: 250 2.0.0
    C: MAIL FROM:<alice@north.test> SIZE=59
    C: RCPT TO:<bob@north.test>
    S: 250 2.1.0
    S: 250 2.1.5
    C: BDAT 49
    R: From: alice@north.test\r\nSubject: unmistakable\r\n\r\n
    S: 250 2.0.0
    C: BDAT 10 LAST
    R: 12345678\r\n
    S: 250 2.0.0
    C: MAIL FROM:<bob@north.test>
    S: 550 5.7.1
    C: NONSENSE
    S: 500 5.5.1
    C: HELP
    M: 214 …
    C: QUIT
    S: 221
    X
)~";

TEST(Recording, BecomesATestThatPasses)
{
    SystemClock clock;
    journey::SessionRecorder recorder(clock);
    const Result<Id> watch = recorder.watch({.protocol = journey::Protocol::smtp, .user = "alice@north.test"});
    ASSERT_TRUE(watch);
    {
        TlsHouse house(recorder);
        ASSERT_EQ(house.hold(played), "");
    }
    const Result<std::vector<journey::Heard>> heard = recorder.take(*watch);
    ASSERT_TRUE(heard);
    journey::ConversationWriter writer;
    std::string script;
    for (const journey::Heard& one : *heard) {
        for (const std::string_view secret : {"secret", "AGFsaWNl", "YWxpY2", "d3Jvbmc", "unmistakable", "12345678"})
            EXPECT_EQ(one.text.find(secret), std::string::npos) << one.text;
        script += writer.add(one);
    }
    EXPECT_NE(script.find("C: AUTH PLAIN AGEAYg==\nS: 535 5.7.8 …\nC: AUTH PLAIN $plain\nS: 235 2.7.0 …\n"),
              std::string::npos)
        << script;
    EXPECT_NE(script.find("C: MAIL FROM:<$user> SIZE=59\nS: 250 2.1.0 …\n"), std::string::npos) << script;
    NoRecorder nobody;
    TlsHouse house(nobody);
    EXPECT_EQ(house.hold(script), "") << script;
    EXPECT_EQ(house.intake.kept.size(), 2u);
}

}  // namespace
}  // namespace posthouse::msa
