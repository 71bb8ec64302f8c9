// Coroutines and what goes with them.
//
// This header and net/ are the only places that see Asio; everybody else says Task<T>.
//
// A Loop is one io_context with one thread. A task starts on a loop and stays on it: whatever it
// awaits, it goes on there. The rules for writing coroutines are in docs/style.md.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace posthouse {

namespace asio = boost::asio;

using LoopExecutor = asio::io_context::executor_type;

template <class T = void> using Task = asio::awaitable<T, LoopExecutor>;

inline constexpr asio::use_awaitable_t<LoopExecutor> use_task{};

using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

// One thread that runs tasks. Threads: post() and spawn() from any; run() from one.
class Loop {
public:
    Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    LoopExecutor executor() { return context_.get_executor(); }
    asio::io_context& context() { return context_; }
    bool is_current() { return executor().running_in_this_thread(); }
    void post(std::move_only_function<void()> work);
    void run();  // until stop()
    void stop();  // from any thread

private:
    asio::io_context context_{1};
    asio::executor_work_guard<LoopExecutor> work_;
};

// The loops of the program, each on a thread of its own. Must outlive whatever was spawned on them.
class Loops {
public:
    explicit Loops(unsigned count);
    ~Loops();  // stops and joins
    Loop& operator[](std::size_t index) { return *loops_[index % loops_.size()]; }
    std::size_t size() const { return loops_.size(); }
    void stop_and_join();

private:
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<std::jthread> threads_;
};

// A timer of this task that ends at `when`, by whichever clock is in use. A fake clock keeps it
// by a weak pointer: it must be moved only while the loop lives.
std::shared_ptr<Timer> timer_of(LoopExecutor executor, const Clock& clock, SteadyTime when);
// Now and `patience`; a hundred years at the most, whatever is asked for.
SteadyTime steady_after(const Clock& clock, Duration patience);

// A value that one side awaits and another gives, once, from any thread. Copies share the state.
// Who takes on a promise fulfils it, also when shutting down: a waiter keeps its promise alive, and
// itself by it. Lifetime: the waiter's loop outlives fulfil().
template <class T> class Promise {
public:
    // From any thread; at most once. The waiter goes on on its own loop.
    void fulfil(T value) const
    {
        std::unique_lock lock(state_->mutex);
        if (state_->waiter) {
            auto waiter = std::move(state_->waiter);
            state_->waiter = nullptr;
            lock.unlock();
            waiter(std::move(value));
        } else {
            state_->value.emplace(std::move(value));
            if (state_->on_ready)
                std::exchange(state_->on_ready, nullptr)();
        }
    }

    // Waits until the value is there, at most `patience`; then get() answers at once. False: not yet.
    Task<bool> ready_within(Duration patience) const
    {
        static const SystemClock clock;
        return ready_within(clock, patience);
    }
    Task<bool> ready_within(const Clock& clock, Duration patience) const
    {
        return ready_by(clock, steady_after(clock, patience));
    }
    Task<bool> ready_by(const Clock& clock, SteadyTime when) const
    {
        const std::shared_ptr<State> state = state_;
        const LoopExecutor executor = co_await asio::this_coro::executor;
        {
            const std::scoped_lock lock(state->mutex);
            if (state->value)
                co_return true;
        }
        const std::shared_ptr<Timer> timer = timer_of(executor, clock, when);
        {
            const std::scoped_lock lock(state->mutex);
            if (state->value)
                co_return true;
            state->on_ready = [timer] { asio::post(timer->get_executor(), [timer] { timer->cancel(); }); };
        }
        boost::system::error_code ignored;
        co_await timer->async_wait(asio::redirect_error(use_task, ignored));
        const std::scoped_lock lock(state->mutex);
        state->on_ready = nullptr;
        co_return state->value.has_value();
    }

    // By one task, once.
    Task<T> get() const
    {
        const std::shared_ptr<State> state = state_;
        co_return co_await asio::async_initiate<const asio::use_awaitable_t<LoopExecutor>, void(T)>(
            [state](auto handler) {
                auto executor = asio::get_associated_executor(handler);
                auto resume = [executor, handler = std::move(handler)](T value) mutable {
                    asio::post(executor, [handler = std::move(handler), value = std::move(value)]() mutable {
                        std::move(handler)(std::move(value));
                    });
                };
                std::unique_lock lock(state->mutex);
                if (!state->value) {
                    state->waiter = std::move(resume);
                    return;
                }
                T value = std::move(*state->value);
                lock.unlock();
                resume(std::move(value));
            },
            use_task);
    }

private:
    struct State {
        std::mutex mutex;
        std::optional<T> value;
        std::move_only_function<void(T)> waiter;
        std::move_only_function<void()> on_ready;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

// Sleeps on the current loop.
Task<void> sleep_for(Duration duration);
Task<void> sleep_for(const Clock& clock, Duration duration);

// Runs `task` on `loop` and comes back to the caller's loop with its result.
template <class T> Task<T> run_on(Loop& loop, Task<T> task)
{
    if (loop.is_current())
        co_return co_await std::move(task);
    co_return co_await asio::co_spawn(loop.executor(), std::move(task), use_task);
}

// Slow or heavy work (password hashes, big searches) off the loops, on a few threads.
// Threads: any. Bounded: when `most_waiting` jobs wait already, offload() answers `unavailable`.
class Workers {
public:
    Workers(unsigned threads, std::size_t most_waiting);
    ~Workers();  // runs what waits, then joins

    template <class F> auto offload(F work) -> Task<Result<std::invoke_result_t<F>>>
    {
        using T = std::invoke_result_t<F>;
        const Promise<Result<T>> promise;
        const bool taken = enqueue([promise, work = std::move(work)]() mutable {
            try {
                if constexpr (std::is_void_v<T>) {
                    work();
                    promise.fulfil(Result<T>{});
                } else {
                    promise.fulfil(Result<T>{work()});
                }
            } catch (const std::exception& bug) {
                promise.fulfil(fail(ErrorCode::internal, bug.what()));
            } catch (...) {
                promise.fulfil(fail(ErrorCode::internal, "an exception of unknown type"));
            }
        });
        if (!taken)
            co_return fail(ErrorCode::unavailable, "too many jobs wait for the workers");
        Result<T> result = co_await promise.get();
        co_return result;
    }

    // Without an answer, for whoever has a way of its own to hear of the end. False: not taken, too
    // many wait. What `job` throws ends the program.
    bool enqueue(std::move_only_function<void()> job);

private:
    struct Queue;
    std::unique_ptr<Queue> queue_;
};

// Counts the tasks that belong together, so that nothing is detached silently: an exception that
// leaves a task is reported, and shutdown can wait until all have ended.
// Threads: any. Lifetime: wait() must have returned before the group goes.
class TaskGroup {
public:
    using OnBug = std::function<void(std::string_view name, std::string_view what)>;
    explicit TaskGroup(OnBug on_bug);
    ~TaskGroup();

    void spawn(Loop& loop, std::string name, Task<void> task);
    void spawn_here(LoopExecutor executor, std::string name, Task<void> task);
    std::size_t running() const;
    void wait();  // blocks the calling thread, which must not be a loop's

private:
    struct State;
    std::shared_ptr<State> state_;
};

// Wakes every task that waits in changed(): a condition variable for one loop.
// Threads: one loop only. A notify() without waiters is forgotten; look at the state first.
class Signal {
public:
    explicit Signal(LoopExecutor executor) : timer_(executor, SteadyTime::max()) { }
    void notify() { timer_.cancel(); }
    Task<void> changed();

private:
    Timer timer_;
};

}  // namespace posthouse
