// What the room's tests share: a clock to set, a store in memory, and the journeys on it.
#pragma once

#include "journey/journeys.h"
#include "store/memory/memory.h"

#include <future>

namespace posthouse::journey {

// Wall time is set; steady time is the system's, for waits are real.
class SetClock final : public Clock {
public:
    WallTime now() const override { return WallTime(Duration(microseconds_.load())); }
    SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
    void advance(Duration duration) { microseconds_ += duration.count(); }

private:
    std::atomic<std::int64_t> microseconds_{1'790'000'000'000'000};
};

template <class T> T run_on_loop(Loop& loop, Task<T> task)
{
    std::promise<T> promise;
    std::future<T> future = promise.get_future();
    asio::co_spawn(loop.executor(), std::move(task), [&promise](std::exception_ptr bug, T value) {
        if (bug)
            promise.set_exception(bug);
        else
            promise.set_value(std::move(value));
    });
    return future.get();
}

class CountingLog final : public Log {
public:
    void write(LogLevel, std::string_view, Id, std::string_view, std::initializer_list<LogField>) override { ++lines; }
    std::atomic<int> lines = 0;
};

class House {
public:
    explicit House(Retention retention = {}, RecordingLimits limits = {}) :
        recording(clock, limits), journeys({store, ids, clock, workers, log}, &recording, retention)
    {
    }
    ~House() { stop(); }

    void start() { tasks.spawn(loops[0], "journeys", journeys.run()); }
    void stop()
    {
        journeys.stop();
        tasks.wait();
    }
    template <class T> T run(Task<T> task) { return run_on_loop(loops[1], std::move(task)); }

    SetClock clock;
    SeededRandom random{7};
    IdSource ids{clock, random};
    store::MemoryStore store{clock};
    CountingLog log;
    Workers workers{1, 1000};
    Loops loops{2};
    TaskGroup tasks{[](std::string_view, std::string_view what) { throw std::runtime_error(std::string(what)); }};
    Recording recording;
    Journeys journeys;
};

}  // namespace posthouse::journey
