// The ground of everything concurrent: each test runs on real loops and waits for events, never for time.
#include "base/all.h"
#include "base/task.h"

#include <future>
#include <latch>
#include <semaphore>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace posthouse {
namespace {

// Collects what a TaskGroup reports.
struct Bugs {
    std::mutex mutex;
    std::vector<std::string> seen;
    TaskGroup::OnBug collector()
    {
        return [this](std::string_view name, std::string_view what) {
            const std::scoped_lock lock(mutex);
            seen.push_back(std::string(name) + ": " + std::string(what));
        };
    }
};

class TaskTest : public testing::Test {
protected:
    // Runs a task on loop 0 to its end.
    void run(Task<void> task)
    {
        group.spawn(loops[0], "test", std::move(task));
        group.wait();
    }
    void TearDown() override
    {
        group.wait();
        EXPECT_EQ(bugs.seen, std::vector<std::string>{});
    }

    Loops loops{2};
    Bugs bugs;
    TaskGroup group{bugs.collector()};
};

Task<void> take(Promise<std::unique_ptr<int>> promise, Loop& home, int& got, bool& at_home)
{
    const std::unique_ptr<int> value = co_await promise.get();
    got = *value;
    at_home = home.is_current();
}

TEST_F(TaskTest, PromiseFulfilledBeforeGet)
{
    const Promise<std::unique_ptr<int>> promise;
    std::thread([promise] { promise.fulfil(std::make_unique<int>(7)); }).join();
    int got = 0;
    bool at_home = false;
    run(take(promise, loops[0], got, at_home));
    EXPECT_EQ(got, 7);
    EXPECT_TRUE(at_home);
}

Task<void> take_after(std::latch& begun, Promise<std::unique_ptr<int>> promise, Loop& home, int& got, bool& at_home)
{
    begun.count_down();
    co_await take(promise, home, got, at_home);
}

TEST_F(TaskTest, PromiseFulfilledAfterGetByAnotherThread)
{
    const Promise<std::unique_ptr<int>> promise;
    std::latch begun(1);
    int got = 0;
    bool at_home = false;
    group.spawn(loops[0], "taker", take_after(begun, promise, loops[0], got, at_home));
    begun.wait();
    // A turn of the same loop: the taker has suspended in get() once this runs.
    std::promise<void> turn;
    loops[0].post([&turn] { turn.set_value(); });
    turn.get_future().wait();
    EXPECT_EQ(group.running(), 1u);
    std::thread([promise] { promise.fulfil(std::make_unique<int>(8)); }).join();
    group.wait();
    EXPECT_EQ(got, 8);
    EXPECT_TRUE(at_home);  // the waiter goes on on its own loop
}

Task<void> add(Promise<int> promise, std::atomic<int>& sum)
{
    const int value = co_await promise.get();
    sum += value;
}

// get() and fulfil() race on purpose; whoever comes first, each value arrives once.
TEST_F(TaskTest, PromiseRaces)
{
    constexpr int count = 2000;
    std::vector<Promise<int>> promises(count);
    std::atomic<int> sum = 0;
    std::jthread fulfiller([&promises] {
        for (const Promise<int>& promise : promises)
            promise.fulfil(1);
    });
    for (int i = 0; i < count; ++i)
        group.spawn(loops[static_cast<std::size_t>(i)], "adder", add(promises[static_cast<std::size_t>(i)], sum));
    group.wait();
    EXPECT_EQ(sum, count);
}

Task<Result<int>> where_am_i(Loop& expected)
{
    if (!expected.is_current())
        co_return fail(ErrorCode::internal, "on the wrong loop");
    co_return 5;
}

Task<Result<int>> throws()
{
    throw std::runtime_error("out of the other loop");
    co_return 0;
}

Task<void> visit(Loops& loops, Loop& other, int& done)
{
    const Result<int> answer = co_await run_on(other, where_am_i(other));
    EXPECT_TRUE(answer && *answer == 5);
    EXPECT_TRUE(loops[0].is_current());
    std::string caught;
    try {
        const Result<int> never = co_await run_on(other, throws());
        EXPECT_FALSE(never);
    } catch (const std::runtime_error& error) {
        caught = error.what();
    }
    EXPECT_EQ(caught, "out of the other loop");
    EXPECT_TRUE(loops[0].is_current());
    ++done;
}

TEST_F(TaskTest, RunOnAnotherLoopComesBackWithResultOrException)
{
    int done = 0;
    run(visit(loops, loops[1], done));
    run(visit(loops, loops[0], done));  // the own loop: runs in place
    EXPECT_EQ(done, 2);
}

Task<void> count_on(Loop& other, Loop& home, int& done)
{
    for (int i = 0; i < 50; ++i) {
        const Result<int> answer = co_await run_on(other, where_am_i(other));
        EXPECT_TRUE(answer);
        EXPECT_TRUE(home.is_current());
    }
    ++done;  // no lock: always on home
}

TEST_F(TaskTest, ManyCrossBothWays)
{
    int done[2] = {0, 0};
    for (std::size_t i = 0; i < 40; ++i)
        group.spawn(loops[i], "crosser", count_on(loops[i + 1], loops[i], done[i % 2]));
    group.wait();
    EXPECT_EQ(done[0] + done[1], 40);
}

Task<void> offload_some(Workers& workers, std::thread::id loop_thread)
{
    const Result<std::thread::id> worker = co_await workers.offload([] { return std::this_thread::get_id(); });
    EXPECT_TRUE(worker && *worker != loop_thread);
    EXPECT_EQ(std::this_thread::get_id(), loop_thread);

    bool ran = false;
    const Result<void> nothing = co_await workers.offload([&ran] { ran = true; });
    EXPECT_TRUE(nothing && ran);

    const Result<int> failed = co_await workers.offload([]() -> int { throw std::runtime_error("bad job"); });
    EXPECT_FALSE(failed);
    EXPECT_EQ(failed.error(), ErrorCode::internal);
    EXPECT_EQ(failed.error().text, "bad job");

    // What is no std::exception must not end the program either.
    const Result<int> odd = co_await workers.offload([]() -> int { throw 42; });
    EXPECT_FALSE(odd);
    EXPECT_EQ(odd.error(), ErrorCode::internal);
}

Task<void> offload_from_here(Workers& workers) { co_await offload_some(workers, std::this_thread::get_id()); }

TEST_F(TaskTest, WorkersRunElsewhereAndReportExceptions)
{
    Workers workers(2, 10);
    run(offload_from_here(workers));
}

struct Gate {
    std::counting_semaphore<100> open{0};
    std::atomic<int> inside = 0;
    std::atomic<int> most_inside = 0;
    void pass()
    {
        const int now = ++inside;
        int most = most_inside;
        while (most < now && !most_inside.compare_exchange_weak(most, now)) { }
        open.acquire();
        --inside;
    }
};

Task<void> pass_gate(Workers& workers, Gate& gate, std::atomic<int>& passed, std::atomic<int>& refused)
{
    const Result<void> done = co_await workers.offload([&gate] { gate.pass(); });
    if (done)
        ++passed;
    else if (done.error() == ErrorCode::unavailable)
        ++refused;
}

// Two threads, three may wait: with the gate shut and the threads busy, the sixth is turned away at once.
TEST_F(TaskTest, WorkersAreBounded)
{
    Workers workers(2, 3);
    Gate gate;
    std::atomic<int> passed = 0;
    std::atomic<int> refused = 0;
    for (int i = 0; i < 2; ++i)
        group.spawn(loops[0], "busy", pass_gate(workers, gate, passed, refused));
    while (gate.inside < 2)
        std::this_thread::yield();
    for (int i = 0; i < 7; ++i)
        group.spawn(loops[0], "waiting", pass_gate(workers, gate, passed, refused));
    while (refused < 4)
        std::this_thread::yield();
    EXPECT_EQ(passed, 0);
    gate.open.release(5);
    group.wait();
    EXPECT_EQ(passed, 5);
    EXPECT_EQ(refused, 4);
    EXPECT_EQ(gate.most_inside, 2);
}

TEST_F(TaskTest, WorkersFinishWhatWaitsBeforeTheyGo)
{
    Gate gate;
    std::atomic<int> passed = 0;
    std::atomic<int> refused = 0;
    {
        Workers workers(1, 10);
        for (int i = 0; i < 5; ++i)
            group.spawn(loops[0], "waiting", pass_gate(workers, gate, passed, refused));
        while (gate.inside < 1)
            std::this_thread::yield();
        std::promise<void> turn;
        loops[0].post([&turn] { turn.set_value(); });
        turn.get_future().wait();  // all five have handed in their job
        gate.open.release(5);
    }
    group.wait();
    EXPECT_EQ(passed, 5);
    EXPECT_EQ(refused, 0);
}

Task<void> throw_error()
{
    throw std::logic_error("a bug");
    co_return;
}
Task<void> throw_number()
{
    throw 7;
    co_return;
}
Task<void> wait_for(Promise<int> promise) { co_await promise.get(); }

Task<int> after_turns(int turns, int value)
{
    for (int i = 0; i < turns; ++i)
        co_await sleep_for(0s);
    if (value < 0)
        throw std::runtime_error("negative");
    co_return value;
}
Task<void> run_side_by_side()
{
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 5; ++i)
        tasks.push_back(after_turns(5 - i, i));
    const std::vector<int> results = co_await all(std::move(tasks));
    EXPECT_EQ(results, (std::vector<int>{0, 1, 2, 3, 4}));
    const std::vector<int> none = co_await all(std::vector<Task<int>>());
    EXPECT_TRUE(none.empty());
}
Task<void> run_with_a_bug()
{
    std::vector<Task<int>> tasks;
    tasks.push_back(after_turns(1, -1));
    tasks.push_back(after_turns(3, 1));
    const std::vector<int> results = co_await all(std::move(tasks));
    ADD_FAILURE() << results.size();
}

Task<std::string> noted(std::vector<int>* order, int begins, int turns)
{
    order->push_back(begins);
    const int ends = co_await after_turns(turns, begins * 10);
    order->push_back(ends);
    co_return std::to_string(ends);
}
Task<int> number_of(Task<std::string> text) { co_return std::stoi(co_await std::move(text)); }
Task<void> run_both()
{
    std::vector<int> order;
    const auto [first, second] = co_await both(number_of(noted(&order, 1, 5)), noted(&order, 2, 1));
    EXPECT_EQ(first, 10);
    EXPECT_EQ(second, "20");
    EXPECT_EQ(order, (std::vector<int>{1, 2, 20, 10}));
}
Task<void> run_both_with_a_bug(std::vector<int>* order)
{
    [[maybe_unused]] const auto results = co_await both(after_turns(1, -1), noted(order, 2, 5));
    ADD_FAILURE();
}

TEST_F(TaskTest, BothRunSideBySide) { run(run_both()); }

TEST(BothTest, ThrowsWhatOneThrewOnceBothHaveEnded)
{
    Loops loops(1);
    Bugs bugs;
    TaskGroup group(bugs.collector());
    std::vector<int> order;
    group.spawn(loops[0], "test", run_both_with_a_bug(&order));
    group.wait();
    EXPECT_EQ(bugs.seen, std::vector<std::string>{"test: negative"});
    EXPECT_EQ(order, (std::vector<int>{2, 20}));
}

TEST_F(TaskTest, AllAnswersInOrderWhateverEndsFirst) { run(run_side_by_side()); }

TEST(AllTest, ThrowsWhatOneThrewOnceAllHaveEnded)
{
    Loops loops(1);
    Bugs bugs;
    TaskGroup group(bugs.collector());
    group.spawn(loops[0], "test", run_with_a_bug());
    group.wait();
    EXPECT_EQ(bugs.seen, std::vector<std::string>{"test: negative"});
}

TEST(TaskGroupTest, ReportsExceptionsAndGoesOn)
{
    Loops loops(1);
    Bugs bugs;
    TaskGroup group(bugs.collector());
    group.spawn(loops[0], "first", throw_error());
    group.wait();
    group.spawn(loops[0], "second", throw_number());
    group.wait();
    EXPECT_EQ(bugs.seen, (std::vector<std::string>{"first: a bug", "second: an exception of unknown type"}));
    EXPECT_EQ(group.running(), 0u);
}

TEST(TaskGroupTest, WaitWaitsForAll)
{
    Loops loops(2);
    Bugs bugs;
    TaskGroup group(bugs.collector());
    std::vector<Promise<int>> promises(20);
    for (std::size_t i = 0; i < promises.size(); ++i)
        group.spawn(loops[i], "waiter", wait_for(promises[i]));
    EXPECT_EQ(group.running(), promises.size());
    std::atomic<bool> returned = false;
    std::jthread shutdown([&] {
        group.wait();
        returned = true;
    });
    for (std::size_t i = 0; i + 1 < promises.size(); ++i)
        promises[i].fulfil(0);
    while (group.running() > 1)
        std::this_thread::yield();
    EXPECT_FALSE(returned);
    promises.back().fulfil(0);
    shutdown.join();
    EXPECT_TRUE(returned);
}

struct Mailroom {
    explicit Mailroom(LoopExecutor executor) : arrived(executor) { }
    Signal arrived;
    int letters = 0;
    int woken = 0;
    std::latch waiting{3};
};

Task<void> wait_for_letters(Mailroom& room, int wanted)
{
    room.waiting.count_down();
    while (room.letters < wanted)
        co_await room.arrived.changed();
    ++room.woken;
}

TEST_F(TaskTest, SignalWakesEveryWaiterAndStateDecides)
{
    Mailroom room(loops[0].executor());
    for (const int wanted : {1, 1, 2})
        group.spawn(loops[0], "reader", wait_for_letters(room, wanted));
    room.waiting.wait();
    const auto deliver = [&] {
        std::promise<int> woken;
        loops[0].post([&] {
            ++room.letters;
            room.arrived.notify();
        });
        // Two turns later whoever was woken has looked at the state.
        loops[0].post([&] { loops[0].post([&] { loops[0].post([&] { woken.set_value(room.woken); }); }); });
        return woken.get_future().get();
    };
    EXPECT_EQ(deliver(), 2);
    EXPECT_EQ(deliver(), 3);
    group.wait();
}

TEST_F(TaskTest, SignalWithoutWaitersIsForgotten)
{
    Mailroom room(loops[0].executor());
    std::promise<void> done;
    loops[0].post([&] {
        room.arrived.notify();
        room.arrived.notify();
        done.set_value();
    });
    done.get_future().wait();
    SUCCEED();
}

Task<void> sleep_and_measure(Duration duration, bool& long_enough)
{
    const SystemClock clock;
    const SteadyTime begun = clock.steady();
    co_await sleep_for(duration);
    long_enough = clock.steady() - begun >= duration;
}

TEST_F(TaskTest, SleepsLastAtLeastAsLongAsAskedFor)
{
    for (const Duration duration : {Duration(0), Duration(1ms), Duration(20ms)}) {
        bool long_enough = false;
        run(sleep_and_measure(duration, long_enough));
        EXPECT_TRUE(long_enough);
    }
}

TEST(LoopsTest, StopsWithWorkPostedAndNothingLeft)
{
    Loops loops(3);
    EXPECT_EQ(loops.size(), 3u);
    EXPECT_EQ(&loops[0], &loops[3]);
    std::latch ran(3);
    for (std::size_t i = 0; i < 3; ++i)
        loops[i].post([&] { ran.count_down(); });
    ran.wait();
    loops.stop_and_join();
    loops.stop_and_join();
}

}  // namespace
}  // namespace posthouse
