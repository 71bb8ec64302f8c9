// The bridge from main's thread into a loop.
#pragma once

#include "base/task.h"

#include <future>

namespace posthouse::app {

// Runs `task` on `loop` and blocks the calling thread, which must not be a loop's, until its result
// is there. What the task throws is thrown here.
template <class T> T run_blocking(Loop& loop, Task<T> task)
{
    std::promise<T> promise;
    std::future<T> future = promise.get_future();
    asio::co_spawn(loop.executor(), std::move(task), [&promise](std::exception_ptr bug, T result) {
        if (bug)
            promise.set_exception(bug);
        else
            promise.set_value(std::move(result));
    });
    return future.get();
}

template <> inline void run_blocking<void>(Loop& loop, Task<void> task)
{
    std::promise<void> promise;
    std::future<void> future = promise.get_future();
    asio::co_spawn(loop.executor(), std::move(task), [&promise](std::exception_ptr bug) {
        if (bug)
            promise.set_exception(bug);
        else
            promise.set_value();
    });
    future.get();
}

}  // namespace posthouse::app
