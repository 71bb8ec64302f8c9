#include "base/fake_clock.h"

#include "base/task.h"

#include <future>

#include <gtest/gtest.h>

namespace posthouse {
namespace {

template <class T> std::future<T> start(Loop& loop, Task<T> task)
{
    const auto promise = std::make_shared<std::promise<T>>();
    asio::co_spawn(loop.executor(), std::move(task), [promise](std::exception_ptr bug, T result) {
        bug ? promise->set_exception(bug) : promise->set_value(std::move(result));
    });
    return promise->get_future();
}

Task<bool> sleep_a_day(const Clock& clock)
{
    co_await sleep_for(clock, 24h);
    co_return true;
}

Task<bool> wait(const Clock& clock, Promise<int> promise, Duration patience)
{
    const bool ready = co_await promise.ready_within(clock, patience);
    co_return ready;
}

// Until somebody waits by the clock: the task begins on another thread.
void until_somebody_waits(const FakeClock& clock)
{
    while (!clock.until_next())
        std::this_thread::yield();
}

TEST(FakeClock, SleepersWakeWhenItHasComeToTheirTime)
{
    FakeClock clock;
    Loops loops(1);
    std::future<bool> slept = start(loops[0], sleep_a_day(clock));
    until_somebody_waits(clock);
    EXPECT_EQ(clock.until_next(), Duration{24h});
    clock.advance(24h - 1us);
    EXPECT_EQ(slept.wait_for(20ms), std::future_status::timeout) << "a microsecond is missing";
    clock.advance(1us);
    EXPECT_TRUE(slept.get());
    EXPECT_EQ(clock.until_next(), std::nullopt);
}

TEST(FakeClock, APromiseIsWaitedForByIt)
{
    FakeClock clock;
    Loops loops(1);
    const Promise<int> given;
    std::future<bool> first = start(loops[0], wait(clock, given, 7 * 24h));
    until_somebody_waits(clock);
    given.fulfil(1);
    EXPECT_TRUE(first.get()) << "no time has to pass for what is there";
    const Promise<int> never;
    std::future<bool> second = start(loops[0], wait(clock, never, 3 * 24h));
    while (clock.until_next() != Duration{3 * 24h})
        std::this_thread::yield();
    for (int day = 0; day < 3; ++day)
        clock.advance(24h);
    EXPECT_FALSE(second.get());
}

TEST(FakeClock, TheWallClockJumpsAlone)
{
    FakeClock clock;
    const WallTime wall = clock.now();
    const SteadyTime steady = clock.steady();
    clock.step(-24h);
    EXPECT_EQ(clock.now(), wall - Duration{24h});
    EXPECT_EQ(clock.steady(), steady);
    clock.advance(1h);
    EXPECT_EQ(clock.now(), wall - Duration{23h});
    EXPECT_EQ(clock.steady(), steady + 1h);
}

}  // namespace
}  // namespace posthouse
