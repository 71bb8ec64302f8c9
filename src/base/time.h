// Time as the house sees it: two clocks, handed in, never global.
//
// `WallTime` is what stands in headers, rows and logs (microseconds since 1970 UTC; may step).
// `SteadyTime` is what deadlines and rates are measured by (never steps back).
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace posthouse {

using namespace std::chrono_literals;

using Duration = std::chrono::microseconds;
using WallTime = std::chrono::sys_time<Duration>;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

// Threads: any. Lifetime: outlives every session.
class Clock {
public:
    virtual ~Clock() = default;
    virtual WallTime now() const = 0;
    virtual SteadyTime steady() const = 0;
    // A clock that is moved by hand (base/fake_clock.h) will call `then` when it has come to `at`, and
    // answers true. False: time passes by itself, the caller sets a timer. `then` must not block.
    virtual bool call_at(SteadyTime at, std::function<void()> then) const;
};

class SystemClock final : public Clock {
public:
    WallTime now() const override;
    SteadyTime steady() const override;
};

// The moment until which one wait may last.
struct Deadline {
    SteadyTime at = SteadyTime::max();

    static Deadline never() { return {}; }
    static Deadline in(const Clock& clock, Duration patience) { return {clock.steady() + patience}; }
    bool passed(const Clock& clock) const { return clock.steady() >= at; }
};

// RFC 5322 section 3.3, always in UTC: "Sun, 22 Nov 2026 00:02:27 +0000".
std::string rfc5322_date(WallTime time);
// RFC 3339, milliseconds, UTC: "2026-11-22T00:02:27.123Z".
std::string rfc3339_date(WallTime time);

}  // namespace posthouse
