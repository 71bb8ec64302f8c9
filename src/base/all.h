// Several tasks at once.
#pragma once

#include "base/task.h"

#include <exception>
#include <utility>

namespace posthouse {

// What tasks that run side by side have come to: how many are still running, and what one of them threw.
struct SideBySide {
    explicit SideBySide(std::size_t count) : left(count) { }
    // For asio::co_spawn: the result goes to `place`, which must outlive the task.
    auto into(std::shared_ptr<void> keeps, auto* place)
    {
        return [this, keeps = std::move(keeps), place](std::exception_ptr thrown, auto result) {
            *place = std::move(result);
            if (thrown)
                bug = thrown;
            if (--left == 0)
                ended.fulfil(true);
        };
    }
    void rethrow() const
    {
        if (bug)
            std::rethrow_exception(bug);
    }

    std::size_t left;
    std::exception_ptr bug;
    Promise<bool> ended;
};

// Runs tasks side by side on the current loop and answers their results in order, once all have
// ended. What one of them throws is thrown then.
template <class T> Task<std::vector<T>> all(std::vector<Task<T>> tasks)
{
    struct State {
        std::vector<std::optional<T>> results;
        SideBySide running;
    };
    std::vector<T> results;
    if (tasks.empty())
        co_return results;
    const auto state = std::make_shared<State>(std::vector<std::optional<T>>(tasks.size()), SideBySide(tasks.size()));
    const LoopExecutor executor = co_await asio::this_coro::executor;
    for (std::size_t i = 0; i < tasks.size(); ++i)
        asio::co_spawn(executor, std::move(tasks[i]), state->running.into(state, &state->results[i]));
    [[maybe_unused]] const bool ended = co_await state->running.ended.get();
    state->running.rethrow();
    for (std::optional<T>& result : state->results)
        results.push_back(std::move(*result));
    co_return results;
}

// The same for two of different kinds; `first` begins first.
template <class A, class B> Task<std::pair<A, B>> both(Task<A> first, Task<B> second)
{
    struct State {
        std::optional<A> first;
        std::optional<B> second;
        SideBySide running{2};
    };
    const auto state = std::make_shared<State>();
    const LoopExecutor executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, std::move(first), state->running.into(state, &state->first));
    asio::co_spawn(executor, std::move(second), state->running.into(state, &state->second));
    [[maybe_unused]] const bool ended = co_await state->running.ended.get();
    state->running.rethrow();
    co_return std::pair<A, B>(std::move(*state->first), std::move(*state->second));
}

}  // namespace posthouse
