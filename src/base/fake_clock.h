// A clock that a test moves by hand: a week of retries in a second.
//
// Tasks that wait by it (sleep_for(clock, …), Promise::ready_within(clock, …)) wake when it has come to
// their time. A test waits until its world is at rest, then moves the clock to where somebody wakes:
//
//     while (const std::optional<Duration> pause = clock.until_next()) { rest(); clock.advance(*pause); }
//
// Threads: any. Lifetime: outlives the loops; it is moved only while they live.
#pragma once

#include "base/time.h"

#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace posthouse {

class FakeClock final : public Clock {
public:
    explicit FakeClock(WallTime start = WallTime{std::chrono::seconds{1'800'000'000}}) : wall_(start) { }

    WallTime now() const override
    {
        const std::scoped_lock lock(mutex_);
        return wall_;
    }
    SteadyTime steady() const override
    {
        const std::scoped_lock lock(mutex_);
        return steady_;
    }
    bool call_at(SteadyTime at, std::function<void()> then) const override
    {
        std::unique_lock lock(mutex_);
        if (at <= steady_) {
            lock.unlock();
            then();
        } else {
            waiting_.emplace(at, std::move(then));
        }
        return true;
    }

    // Time passes: both clocks go on together.
    void advance(Duration by)
    {
        std::vector<std::function<void()>> woken;
        {
            const std::scoped_lock lock(mutex_);
            wall_ += by;
            steady_ += by;
            const auto end = waiting_.upper_bound(steady_);
            for (auto each = waiting_.begin(); each != end; ++each)
                woken.push_back(std::move(each->second));
            waiting_.erase(waiting_.begin(), end);
        }
        for (const std::function<void()>& then : woken)
            then();
    }
    // Somebody sets the wall clock: it alone jumps.
    void step(Duration by)
    {
        const std::scoped_lock lock(mutex_);
        wall_ += by;
    }
    // How long until somebody wakes; nullopt: nobody waits. Whoever has given up waiting still counts.
    std::optional<Duration> until_next() const
    {
        const std::scoped_lock lock(mutex_);
        if (waiting_.empty())
            return std::nullopt;
        return std::chrono::ceil<Duration>(waiting_.begin()->first - steady_);
    }

private:
    mutable std::mutex mutex_;
    WallTime wall_;
    SteadyTime steady_{std::chrono::hours{1000}};
    mutable std::multimap<SteadyTime, std::function<void()>> waiting_;
};

}  // namespace posthouse
