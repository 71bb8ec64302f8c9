// Several tasks at once.
#pragma once

#include "base/task.h"

#include <exception>
#include <utility>

namespace posthouse {

// Runs tasks side by side on the current loop and answers their results in order, once all have
// ended. What one of them throws is thrown then.
template <class T> Task<std::vector<T>> all(std::vector<Task<T>> tasks)
{
    struct State {
        std::vector<std::optional<T>> results;
        std::size_t left = 0;
        std::exception_ptr bug;
        Promise<bool> ended;
    };
    const auto state = std::make_shared<State>();
    state->left = tasks.size();
    state->results.resize(tasks.size());
    const LoopExecutor executor = co_await asio::this_coro::executor;
    for (std::size_t i = 0; i < tasks.size(); ++i)
        asio::co_spawn(executor, std::move(tasks[i]), [state, i](std::exception_ptr bug, T result) {
            state->results[i] = std::move(result);
            if (bug)
                state->bug = bug;
            if (--state->left == 0)
                state->ended.fulfil(true);
        });
    std::vector<T> results;
    if (tasks.empty())
        co_return results;
    [[maybe_unused]] const bool ended = co_await state->ended.get();
    if (state->bug)
        std::rethrow_exception(state->bug);
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
        std::size_t left = 2;
        std::exception_ptr bug;
        Promise<bool> ended;
    };
    const auto state = std::make_shared<State>();
    const auto into = [&state](auto State::* place) {
        return [state, place](std::exception_ptr bug, auto result) {
            (*state).*place = std::move(result);
            if (bug)
                state->bug = bug;
            if (--state->left == 0)
                state->ended.fulfil(true);
        };
    };
    const LoopExecutor executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, std::move(first), into(&State::first));
    asio::co_spawn(executor, std::move(second), into(&State::second));
    [[maybe_unused]] const bool ended = co_await state->ended.get();
    if (state->bug)
        std::rethrow_exception(state->bug);
    co_return std::pair<A, B>(std::move(*state->first), std::move(*state->second));
}

}  // namespace posthouse
