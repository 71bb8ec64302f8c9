#include "lab/scripted_host.h"

#include <future>

#include <gtest/gtest.h>

namespace posthouse::lab {
namespace {

class ScriptedHosts : public testing::Test {
protected:
    ~ScriptedHosts() override
    {
        if (host_)
            host_->stop();
        tasks_.wait();
    }
    void start(HostScript script)
    {
        auto host = ScriptedHost::start(std::move(script), {"127.0.0.1", 0}, {loops_, table_, *log_, tasks_});
        ASSERT_TRUE(host) << host.error().text;
        host_ = std::move(*host);
    }
    // Says all of `text`, then what comes back until `end` or until the host hangs up.
    std::string conversation(std::string text, std::string end) { return begin(std::move(text), std::move(end)).get(); }
    std::future<std::string> begin(std::string text, std::string end)
    {
        auto said = std::make_shared<std::promise<std::string>>();
        asio::co_spawn(loops_[0].executor(), converse(std::move(text), std::move(end)),
                       [said](std::exception_ptr bug, std::string text) { said->set_value(bug ? "a bug" : text); });
        return said->get_future();
    }
    Task<std::string> converse(std::string text, std::string end)
    {
        Result<net::Wire> wire = co_await net::connect("127.0.0.1", host_->port(), Deadline::in(clock_, 60s));
        if (!wire)
            co_return "error: " + wire.error().text;
        const Result<void> written = co_await wire->write(std::move(text), Deadline::in(clock_, 60s));
        while (written && wire->input().find(end) == std::string_view::npos) {
            const Result<void> filled = co_await wire->fill(Deadline::in(clock_, 60s));
            if (!filled)
                break;
        }
        co_return std::string(wire->input());
    }

    SystemClock clock_;
    Loops loops_{1};
    net::ConnectionTable table_{{}};
    std::unique_ptr<Log> log_ = make_log(LogLevel::warning, LogFormat::text);
    TaskGroup tasks_{[](std::string_view, std::string_view what) { ADD_FAILURE() << what; }};
    std::unique_ptr<ScriptedHost> host_;
};

TEST_F(ScriptedHosts, TakesMail)
{
    start({.name = "x.test"});
    const std::string said = conversation(
        "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@x.test>\r\nDATA\r\nHello\r\n.\r\nQUIT\r\n", "221 2.0.0 goodbye\r\n");
    EXPECT_NE(said.find("250 2.0.0 taken\r\n221"), std::string::npos) << said;
    ASSERT_EQ(host_->memory().taken().size(), 1u);
    EXPECT_EQ(host_->memory().taken()[0].content, "Hello\r\n");
}

TEST_F(ScriptedHosts, BreaksTls)
{
    start({.name = "badtls.test", .breaks_tls = true});
    const std::string said = conversation("EHLO a\r\nSTARTTLS\r\n", "this never comes");
    EXPECT_TRUE(said.ends_with("220 2.0.0 go on\r\nthis is no TLS\r\n")) << said;
}

TEST_F(ScriptedHosts, ByteByByteIsTheSame)
{
    start({.name = "slow.test", .pace = 1ms});
    EXPECT_TRUE(conversation("QUIT\r\n", "221 2.0.0 goodbye\r\n").ends_with("221 2.0.0 goodbye\r\n"));
}

TEST_F(ScriptedHosts, OneThatHangsCanBeStopped)
{
    start({.name = "x.test", .hangs_at = "EHLO"});
    std::future<std::string> said = begin("EHLO a\r\n", "250");
    while (host_->memory().connections() == 0)
        std::this_thread::yield();
    host_->stop();
    EXPECT_EQ(said.get().find("250"), std::string::npos);
}

}  // namespace
}  // namespace posthouse::lab
