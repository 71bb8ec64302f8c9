// Queue time: goes on as real time does, whatever is done to the machine's clock (HOSTILE F12).
//
// Ages and retries are counted in it. It is what the wall clock says until that jumps: a jump back is
// not followed, a jump ahead by at most a day. So a clock that is a year ahead for a minute makes
// nobody's mail expire, and one that is put back by a day stalls nothing. Over a restart it goes on
// from where it was last kept, by the same rule: at most a day of being off counts.
//
// Threads: any. Lifetime: the clock outlives it.
#pragma once

#include "base/time.h"

#include <mutex>
#include <string>
#include <string_view>

namespace posthouse::mta::queue {

class QueueClock {
public:
    explicit QueueClock(const Clock& clock);

    WallTime now() const;
    // Between queue time and what a calendar shows.
    WallTime to_wall(WallTime queue_time) const;
    WallTime from_wall(WallTime wall) const;

    // To be kept now and then, and given back at the next start.
    std::string write() const;
    bool resume(std::string_view kept);  // false: it cannot be read

    static constexpr Duration most_jump = std::chrono::hours{24};

private:
    void follow() const;  // with the mutex

    const Clock& clock_;
    mutable std::mutex mutex_;
    mutable WallTime time_;  // queue time when the two others were looked at
    mutable WallTime wall_;
    mutable SteadyTime steady_;
};

}  // namespace posthouse::mta::queue
