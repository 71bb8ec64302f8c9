#include "base/task.h"

#include <algorithm>
#include <condition_variable>
#include <deque>

namespace posthouse {

Loop::Loop() : work_(asio::make_work_guard(context_)) { }

void Loop::post(std::move_only_function<void()> work)
{
    asio::post(context_, [work = std::move(work)]() mutable { work(); });
}

void Loop::run() { context_.run(); }

void Loop::stop() { context_.stop(); }

Loops::Loops(unsigned count)
{
    for (unsigned i = 0; i < std::max(1u, count); ++i)
        loops_.push_back(std::make_unique<Loop>());
    for (const auto& loop : loops_)
        threads_.emplace_back([&loop = *loop] { loop.run(); });
}

Loops::~Loops() { stop_and_join(); }

void Loops::stop_and_join()
{
    for (const auto& loop : loops_)
        loop->stop();
    threads_.clear();
}

Task<void> sleep_for(Duration duration)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    Timer timer(executor);
    timer.expires_after(duration);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(use_task, ignored));
}

Task<void> sleep_for(const Clock& clock, Duration duration)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    const std::shared_ptr<Timer> timer = timer_of(executor, clock, steady_after(clock, duration));
    boost::system::error_code ignored;
    co_await timer->async_wait(asio::redirect_error(use_task, ignored));
}

SteadyTime steady_after(const Clock& clock, Duration patience)
{
    return clock.steady() + std::min<Duration>(patience, std::chrono::years{100});
}

std::shared_ptr<Timer> timer_of(LoopExecutor executor, const Clock& clock, SteadyTime when)
{
    const auto timer = std::make_shared<Timer>(executor);
    // Set before the clock knows of it, and ended by moving it to now: a call that comes before the
    // wait begins is not lost.
    timer->expires_at(SteadyTime::max());
    const bool by_hand = clock.call_at(when, [weak = std::weak_ptr<Timer>(timer)] {
        if (const std::shared_ptr<Timer> kept = weak.lock())
            asio::post(kept->get_executor(), [kept] { kept->expires_at(SteadyTime{}); });
    });
    if (!by_hand)
        timer->expires_at(when);
    return timer;
}

Task<void> Signal::changed()
{
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(use_task, ignored));
}

struct Workers::Queue {
    std::mutex mutex;
    std::condition_variable filled;
    std::deque<std::move_only_function<void()>> jobs;
    std::size_t most_waiting;
    bool closing = false;
    std::vector<std::jthread> threads;

    void work()
    {
        for (;;) {
            std::unique_lock lock(mutex);
            filled.wait(lock, [this] { return closing || !jobs.empty(); });
            if (jobs.empty())
                return;
            auto job = std::move(jobs.front());
            jobs.pop_front();
            lock.unlock();
            job();
        }
    }
};

Workers::Workers(unsigned threads, std::size_t most_waiting) : queue_(std::make_unique<Queue>())
{
    queue_->most_waiting = most_waiting;
    for (unsigned i = 0; i < std::max(1u, threads); ++i)
        queue_->threads.emplace_back([queue = queue_.get()] { queue->work(); });
}

Workers::~Workers()
{
    {
        const std::scoped_lock lock(queue_->mutex);
        queue_->closing = true;
    }
    queue_->filled.notify_all();
    queue_->threads.clear();
}

bool Workers::enqueue(std::move_only_function<void()> job)
{
    {
        const std::scoped_lock lock(queue_->mutex);
        if (queue_->closing || queue_->jobs.size() >= queue_->most_waiting)
            return false;
        queue_->jobs.push_back(std::move(job));
    }
    queue_->filled.notify_one();
    return true;
}

struct TaskGroup::State {
    OnBug on_bug;
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t running = 0;

    void end(const std::string& name, std::exception_ptr bug)
    {
        if (bug) {
            try {
                std::rethrow_exception(bug);
            } catch (const std::exception& what) {
                on_bug(name, what.what());
            } catch (...) {
                on_bug(name, "an exception of unknown type");
            }
        }
        const std::scoped_lock lock(mutex);
        --running;
        ended.notify_all();
    }
};

TaskGroup::TaskGroup(OnBug on_bug) : state_(std::make_shared<State>()) { state_->on_bug = std::move(on_bug); }

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(Loop& loop, std::string name, Task<void> task)
{
    spawn_here(loop.executor(), std::move(name), std::move(task));
}

void TaskGroup::spawn_here(LoopExecutor executor, std::string name, Task<void> task)
{
    {
        const std::scoped_lock lock(state_->mutex);
        ++state_->running;
    }
    try {
        asio::co_spawn(executor, std::move(task),
                       [state = state_, name](std::exception_ptr bug) { state->end(name, bug); });
    } catch (...) {
        state_->end(name, std::current_exception());  // no memory to start it
    }
}

std::size_t TaskGroup::running() const
{
    const std::scoped_lock lock(state_->mutex);
    return state_->running;
}

void TaskGroup::wait()
{
    std::unique_lock lock(state_->mutex);
    state_->ended.wait(lock, [this] { return state_->running == 0; });
}

}  // namespace posthouse
