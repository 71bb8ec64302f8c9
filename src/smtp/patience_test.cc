// Time and its end: peers that are slow, silent, or gone in the middle; and our own shutdown.
#include "net/listener.h"
#include "smtp/test_door.h"
#include "smtp/test_script.h"

#include <fmt/format.h>

namespace posthouse::smtp {
namespace {

// Sends `text` a byte at a time until the server says goodbye; answers what was heard.
Task<std::string> drip(net::Wire wire, std::string text, Duration pause)
{
    for (const char c : text) {
        const Result<void> sent = co_await wire.write(std::string(1, c), net::patient());
        if (!sent || wire.input().find("\r\n421 ") != std::string_view::npos)
            break;
        co_await wire.fill(net::soon(pause));
    }
    Result<void> filled;
    while (filled)
        filled = co_await wire.fill(net::patient());
    co_return std::string(wire.input());
}

struct Times : testing::Test {
    TestHouse house;
    Patience patience = TestHouse::hasty();
    Loops loops{1};
    TaskGroup group{[](std::string_view, std::string_view what) { ADD_FAILURE() << what; }};

    static Task<std::string> hold(Server& server, TaskGroup& group, std::string text, Duration pause)
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        auto ends = net::connected_pair(executor);
        group.spawn_here(executor, "session", server.serve(std::move(ends->first)));
        std::string heard = co_await drip(std::move(ends->second), std::move(text), pause);
        co_return heard;
    }
    std::string heard(std::string text, Duration pause)
    {
        Server server(house.services(house.door), patience);
        std::string all = net::run(loops[0], hold(server, group, std::move(text), pause));
        group.wait();
        return all;
    }
};

TEST_F(Times, SilenceEndsASession)
{
    patience.command = 30ms;
    EXPECT_EQ(heard("", 0ms),
              "220 north.test ESMTP Posthouse\r\n421 4.4.2 north.test has waited too long; goodbye\r\n");
}

// HOSTILE A9: the deadline is the line's, not the byte's.
TEST_F(Times, ByteByByteIsNoWayAround)
{
    patience.command = 100ms;
    const std::string all = heard("NOOP " + std::string(100'000, 'x'), 5ms);
    EXPECT_TRUE(all.ends_with("421 4.4.2 north.test has waited too long; goodbye\r\n")) << all;
    EXPECT_EQ(all.find("500"), std::string::npos);
}

constexpr std::string_view envelope = "HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n";

TEST_F(Times, AMessageHasADeadlineAsAWhole)
{
    patience.message = 100ms;
    const std::string all = heard(std::string(envelope) + "DATA\r\n" + std::string(100'000, 'x'), 2ms);
    EXPECT_TRUE(all.ends_with("421 4.4.2 north.test has waited too long; goodbye\r\n")) << all;
    EXPECT_TRUE(house.door.intake.kept.empty());
}

TEST_F(Times, ChunksToo)
{
    patience.message = 100ms;
    EXPECT_TRUE(
        heard(std::string(envelope) + "BDAT 100000\r\n" + std::string(50'000, 'x'), 2ms).ends_with("goodbye\r\n"));
    EXPECT_TRUE(heard("HELO x\r\nBDAT 100000\r\n" + std::string(50'000, 'x'), 2ms).ends_with("goodbye\r\n"));
    EXPECT_TRUE(house.door.intake.kept.empty());
}

// The client goes away in the middle: nothing is filed, wherever it was.
TEST_F(Times, GoneInTheMiddle)
{
    Server server(house.services(house.door), patience);
    const std::string all = std::string(envelope) + "DATA\r\nSubject: x\r\n\r\ntext\r\n.\r";
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        std::string script;
        for (const char c : all.substr(0, cut))
            script += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        expect_conversation(server, "S: 220\nR: " + script + "\nW");
        ASSERT_TRUE(house.door.intake.kept.empty()) << cut;
    }
}

// Shutdown: 421, wherever the session waits (RFC 5321 section 3.8).
TEST_F(Times, ShutdownSaysSo)
{
    net::ConnectionTable table{{}};
    for (const std::string_view said :
         {std::string_view(), std::string_view("NOO"), envelope,
          std::string_view("HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx"),
          std::string_view("HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 10\r\nx")}) {
        Server server(house.services(house.door), patience);
        auto listener = net::Listener::bind({.name = "smtp", .address = "127.0.0.1"}, loops, table, house.log);
        ASSERT_TRUE(listener) << listener.error().text;
        (*listener)->start([&server](net::Wire wire) { return server.serve(std::move(wire)); }, group);
        const auto talk = [](std::uint16_t port, std::string text, net::Listener& listener) -> Task<std::string> {
            Result<net::Wire> wire = co_await net::connect("127.0.0.1", port, net::patient());
            co_await wire->fill(net::patient());  // the greeting
            co_await wire->write(std::move(text), net::patient());
            co_await sleep_for(20ms);
            listener.stop();
            std::string heard;
            Result<void> filled;
            while (filled)
                filled = co_await wire->fill(net::patient());
            co_return std::string(wire->input());
        };
        const std::string heard = net::run(loops[0], talk((*listener)->port(), std::string(said), **listener));
        EXPECT_TRUE(heard.ends_with("421 4.3.2 north.test is shutting down; try again later\r\n"))
            << said << ": " << heard;
        group.wait();
    }
    EXPECT_TRUE(house.door.intake.kept.empty());
}

}  // namespace
}  // namespace posthouse::smtp
