#include "net/test_support.h"

#include <sys/socket.h>

namespace posthouse::net {
namespace {

// Every test runs on both kinds of connection.
enum class Kind { plain, tls };

class WireTest : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override
    {
        auto pair = run_pair();
        left_ = std::move(pair.first);
        right_ = std::move(pair.second);
        if (GetParam() == Kind::tls) {
            const TlsContext::Files files = self_signed(folder_, "a", {"north.test"});
            server_ = std::move(*TlsContext::server({files}));
            client_ = std::move(*TlsContext::client(TlsContext::Verify::yes, files.certificate));
            auto accepted =
                asio::co_spawn(loops_[0].executor(), left_.accept_tls(*server_, patient()), asio::use_future);
            const Result<void> connected = run(loops_[0], right_.connect_tls(*client_, "north.test", patient()));
            ASSERT_TRUE(connected) << connected.error().text;
            ASSERT_TRUE(accepted.get());
        }
    }
    void TearDown() override { run(loops_[0], drop(std::move(left_), std::move(right_))); }

    std::pair<Wire, Wire> run_pair() { return run(loops_[0], make_pair()); }
    static Task<std::pair<Wire, Wire>> make_pair()
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        Result<std::pair<Wire, Wire>> pair = connected_pair(executor);
        co_return std::move(*pair);
    }
    static Task<void> drop(Wire, Wire) { co_return; }

    template <class T> T run_here(Task<T> task) { return run(loops_[0], std::move(task)); }
    template <class T> std::future<T> begin(Task<T> task)
    {
        return asio::co_spawn(loops_[0].executor(), std::move(task), asio::use_future);
    }
    // Lets everything that is ready on the loop happen.
    void settle()
    {
        for (int i = 0; i < 3; ++i)
            run(loops_[0], pause());
    }
    static Task<void> pause() { co_await sleep_for(1ms); }

    Folder folder_;
    std::unique_ptr<TlsContext> server_;
    std::unique_ptr<TlsContext> client_;
    Loops loops_{1};
    Wire left_;
    Wire right_;
};

TEST_P(WireTest, BytesArriveInOrder)
{
    ASSERT_TRUE(run_here(left_.write(std::string("220 north.test\r\n"), patient())));
    ASSERT_TRUE(run_here(left_.write(std::vector<std::string>{"250-", "", "PIPELINING\r\n"}, patient())));
    EXPECT_EQ(run_here(take(right_, 32)), "220 north.test\r\n250-PIPELINING\r\n");
    EXPECT_TRUE(right_.input().empty());
}

Task<std::size_t> drain(Wire& wire, std::size_t total)
{
    std::size_t seen = 0;
    while (seen < total) {
        const Result<void> filled = co_await wire.fill(patient());
        if (!filled)
            break;
        for (const char c : wire.input())
            if (c != static_cast<char>('a' + seen++ % 26))
                co_return 0;
        wire.consume(wire.input().size());
    }
    co_return seen;
}

TEST_P(WireTest, MegabytesPassAPeerThatReadsLater)
{
    std::string text(3'000'000, ' ');
    for (std::size_t i = 0; i < text.size(); ++i)
        text[i] = static_cast<char>('a' + i % 26);
    auto written = begin(left_.write(text, patient()));
    settle();
    EXPECT_EQ(run_here(drain(right_, text.size())), text.size());
    EXPECT_TRUE(written.get());

    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < 600'000; at += 1001)
        pieces.push_back(text.substr(at, 1001));
    auto gathered = begin(left_.write(pieces, patient()));
    EXPECT_EQ(run_here(drain(right_, 600 * 1001)), 600u * 1001u);
    EXPECT_TRUE(gathered.get());
}

Task<Result<void>> type_slowly(Wire& wire, std::string text)
{
    for (const char c : text) {
        const Result<void> sent = co_await wire.write(std::string(1, c), patient());
        if (!sent)
            co_return sent;
        co_await asio::post(co_await asio::this_coro::executor, use_task);
    }
    co_return Result<void>{};
}

TEST_P(WireTest, OneByteAtATime)
{
    auto typed = begin(type_slowly(left_, "mail from:<alice@north.test>\r\n"));
    EXPECT_EQ(run_here(take(right_, 30)), "mail from:<alice@north.test>\r\n");
    EXPECT_TRUE(typed.get());
}

TEST_P(WireTest, KeepsNoMoreThanAsked)
{
    ASSERT_TRUE(run_here(left_.write(std::string(100, 'x'), patient())));
    ASSERT_TRUE(run_here(right_.fill(patient(), 10)));
    EXPECT_EQ(right_.input().size(), 10u);
    const Result<void> more = run_here(right_.fill(patient(), 10));
    EXPECT_TRUE(!more && more.error() == ErrorCode::too_large);
    EXPECT_FALSE(right_.is_broken());
    right_.consume(10);
    EXPECT_EQ(run_here(take(right_, 90)), std::string(90, 'x'));
}

TEST_P(WireTest, TheEndIsSeenAfterTheLastBytes)
{
    ASSERT_TRUE(run_here(left_.write(std::string("QUIT\r\n"), patient())));
    run_here(drop(std::move(left_), {}));
    EXPECT_EQ(run_here(take(right_, 6)), "QUIT\r\n");
    const Result<void> end = run_here(right_.fill(patient()));
    EXPECT_TRUE(!end && end.error() == ErrorCode::closed) << end.error().text;
    EXPECT_TRUE(right_.is_broken());
}

TEST_P(WireTest, WritingToNobodyIsAnErrorAndNotASignal)
{
    run_here(drop(std::move(left_), {}));
    Result<void> sent;
    for (int i = 0; i < 10 && sent; ++i)
        sent = run_here(right_.write(std::string(100'000, 'x'), patient()));
    EXPECT_TRUE(!sent && sent.error() == ErrorCode::closed);
}

TEST_P(WireTest, ADeadlineEndsAReadAndTheConnectionLives)
{
    const Result<void> late = run_here(right_.fill(soon(5ms)));
    EXPECT_TRUE(!late && late.error() == ErrorCode::timeout);
    const Result<void> later = run_here(right_.fill(soon(-5ms)));
    EXPECT_TRUE(!later && later.error() == ErrorCode::timeout);
    ASSERT_TRUE(run_here(left_.write(std::string("x"), patient())));
    EXPECT_EQ(run_here(take(right_, 1)), "x");
}

TEST_P(WireTest, ADeadlineMayComeSoonerThanTheOneBefore)
{
    auto waiting = begin(right_.fill(patient()));
    settle();
    ASSERT_TRUE(run_here(left_.write(std::string("x"), patient())));
    ASSERT_TRUE(waiting.get());
    const Result<void> late = run_here(right_.fill(soon(5ms)));
    EXPECT_TRUE(!late && late.error() == ErrorCode::timeout);
}

TEST_P(WireTest, ADeadlineThatMovedLaterIsTheOneThatCounts)
{
    auto first = begin(right_.fill(soon(20ms)));
    settle();
    ASSERT_TRUE(run_here(left_.write(std::string("x"), patient())));
    first.wait();
    auto second = begin(right_.fill(patient()));
    EXPECT_EQ(second.wait_for(100ms), std::future_status::timeout);
    ASSERT_TRUE(run_here(left_.write(std::string("y"), patient())));
    EXPECT_TRUE(second.get());
}

TEST_P(WireTest, ADeadlineEndsAWriteThatNobodyTakes)
{
    const Result<void> late = run_here(left_.write(std::string(20'000'000, 'x'), soon(20ms)));
    EXPECT_TRUE(!late && late.error() == ErrorCode::timeout);
    const Result<void> after = run_here(left_.write(std::string("more"), patient()));
    EXPECT_FALSE(after) << "half of the write before is on its way";
    EXPECT_TRUE(left_.is_broken());
}

TEST_P(WireTest, ReadAndWriteWaitSideBySide)
{
    auto reading = begin(left_.fill(patient()));
    auto writing = begin(left_.write(std::string(5'000'000, 'x'), patient()));
    settle();
    // The read's short deadline must end neither the write nor itself too early.
    ASSERT_TRUE(run_here(right_.write(std::string("stop"), patient())));
    EXPECT_TRUE(reading.get());
    const Result<void> late = run_here(left_.fill(soon(5ms)));
    EXPECT_TRUE(!late && late.error() == ErrorCode::timeout);
    EXPECT_EQ(run_here(take(right_, 5'000'000)).size(), 5'000'000u);
    EXPECT_TRUE(writing.get());
}

Task<void> call_cancel(Wire& wire)
{
    wire.cancel();
    co_return;
}

Task<void> call_wake(Wire& wire)
{
    wire.wake();
    co_return;
}

Task<void> call_close(Wire& wire)
{
    wire.close();
    co_return;
}

TEST_P(WireTest, CancelEndsTheReadUnderWayAndLetsAGoodbyeThrough)
{
    auto reading = begin(left_.fill(patient()));
    settle();
    run_here(call_cancel(left_));
    const Result<void> read = reading.get();
    EXPECT_TRUE(!read && read.error() == ErrorCode::cancelled);
    const Result<void> next = run_here(left_.fill(patient()));
    EXPECT_TRUE(!next && next.error() == ErrorCode::cancelled);
    EXPECT_FALSE(left_.is_broken());
    EXPECT_TRUE(run_here(left_.write(std::string("421 4.3.2\r\n"), patient())));
    EXPECT_EQ(run_here(take(right_, 11)), "421 4.3.2\r\n");
}

TEST_P(WireTest, CancelBeforeAReadEndsItAlsoWhereBytesAreThere)
{
    ASSERT_TRUE(run_here(right_.write(std::string("NOOP\r\n"), patient())));
    run_here(call_cancel(left_));
    const Result<void> read = run_here(left_.fill(patient()));
    EXPECT_TRUE(!read && read.error() == ErrorCode::cancelled);
}

TEST_P(WireTest, CloseEndsTheReadUnderWay)
{
    auto reading = begin(left_.fill(patient()));
    settle();
    run_here(call_close(left_));
    const Result<void> read = reading.get();
    EXPECT_TRUE(!read && read.error() == ErrorCode::closed);
    const Result<void> sent = run_here(left_.write(std::string("x"), patient()));
    EXPECT_FALSE(sent);
}

TEST_P(WireTest, WakeEndsTheWaitAndDisturbsNothing)
{
    auto waiting = begin(left_.fill_or_wake(patient()));
    settle();
    run_here(call_wake(left_));
    const Result<Filled> woken = waiting.get();
    ASSERT_TRUE(woken);
    EXPECT_EQ(*woken, Filled::woken);

    auto again = begin(left_.fill_or_wake(patient()));
    settle();
    ASSERT_TRUE(run_here(right_.write(std::string("DONE\r\n"), patient())));
    const Result<Filled> filled = again.get();
    ASSERT_TRUE(filled);
    EXPECT_EQ(*filled, Filled::bytes);
    EXPECT_EQ(run_here(take(left_, 6)), "DONE\r\n");
}

TEST_P(WireTest, AWakeWithoutAWaitIsKeptForTheNextOneOnce)
{
    run_here(call_wake(left_));
    run_here(call_wake(left_));
    const Result<Filled> woken = run_here(left_.fill_or_wake(patient()));
    ASSERT_TRUE(woken);
    EXPECT_EQ(*woken, Filled::woken);
    const Result<Filled> late = run_here(left_.fill_or_wake(soon(5ms)));
    EXPECT_TRUE(!late && late.error() == ErrorCode::timeout);
}

TEST_P(WireTest, APlainReadIsNotWoken)
{
    auto waiting = begin(left_.fill(patient()));
    settle();
    run_here(call_wake(left_));
    EXPECT_EQ(waiting.wait_for(20ms), std::future_status::timeout);
    ASSERT_TRUE(run_here(right_.write(std::string("x"), patient())));
    EXPECT_TRUE(waiting.get());
}

// Wakes, cancels and bytes race with each other on one loop: each wait ends, and nothing is lost.
TEST_P(WireTest, RacesBetweenBytesAndWakesLoseNothing)
{
    struct Tasks {
        static Task<void> chatter(Wire& from, Wire& to, int rounds)
        {
            for (int i = 0; i < rounds; ++i) {
                if (i % 3 != 1)
                    to.wake();
                const Result<void> sent = co_await from.write(std::string("x"), patient());
                if (!sent)
                    co_return;
                if (i % 3 != 0)
                    to.wake();
                if (i % 5 == 0)
                    co_await asio::post(co_await asio::this_coro::executor, use_task);
            }
        }
        static Task<int> listen(Wire& wire, int rounds)
        {
            int seen = 0;
            while (seen < rounds) {
                const Result<Filled> filled = co_await wire.fill_or_wake(patient());
                if (!filled)
                    co_return -1;
                seen += static_cast<int>(wire.input().size());
                wire.consume(wire.input().size());
            }
            co_return seen;
        }
    };
    auto heard = begin(Tasks::listen(left_, 2000));
    run_here(Tasks::chatter(right_, left_, 2000));
    EXPECT_EQ(heard.get(), 2000);
}

TEST_P(WireTest, LingerLetsTheLastWordsArrive)
{
    // The peer is still sending when we say no; a plain close would reset what it has not read.
    ASSERT_TRUE(run_here(right_.write(std::string(100'000, 'x'), patient())));
    ASSERT_TRUE(run_here(left_.write(std::string("500 5.5.2\r\n"), patient())));
    auto lingering = begin(left_.linger(patient()));
    EXPECT_EQ(run_here(take(right_, 11)), "500 5.5.2\r\n");
    const Result<void> end = run_here(right_.fill(patient()));
    EXPECT_TRUE(!end && end.error() == ErrorCode::closed);
    run_here(call_close(right_));
    lingering.get();
}

TEST_P(WireTest, LingerEndsByItsDeadline)
{
    run_here(left_.linger(soon(10ms)));
    const Result<void> sent = run_here(left_.write(std::string("x"), patient()));
    EXPECT_FALSE(sent);
}

// A peer whose bytes are always there already does not keep the loop for itself.
TEST_P(WireTest, OthersGetTheirTurnWhileOnePeerNeverPauses)
{
    struct Tasks {
        static Task<void> feed(Wire& wire, bool& stop)
        {
            while (!stop) {
                const Result<void> sent = co_await wire.write(std::string(4096, 'x'), patient());
                if (!sent)
                    co_return;
            }
        }
        static Task<void> eat(Wire& wire, bool& stop)
        {
            while (!stop) {
                const Result<void> filled = co_await wire.fill(patient(), 1);
                if (!filled)
                    co_return;
                wire.consume(1);
            }
        }
        static Task<void> set(bool& stop)
        {
            stop = true;
            co_return;
        }
    };
    bool stop = false;
    auto feeding = begin(Tasks::feed(left_, stop));
    settle();
    auto eating = begin(Tasks::eat(right_, stop));
    run_here(Tasks::set(stop));
    eating.get();
    run_here(call_close(right_));
    feeding.get();
}

INSTANTIATE_TEST_SUITE_P(, WireTest, testing::Values(Kind::plain, Kind::tls),
                         [](const auto& info) { return info.param == Kind::plain ? "Plain" : "Tls"; });

}  // namespace
}  // namespace posthouse::net
