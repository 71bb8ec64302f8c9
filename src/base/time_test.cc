#include "base/time.h"

#include <gtest/gtest.h>

namespace posthouse {
namespace {

using namespace std::chrono;

WallTime at(sys_days day, Duration time) { return WallTime{day} + time; }

TEST(TimeTest, Rfc5322)
{
    EXPECT_EQ(rfc5322_date(at(2026y / 11 / 22, 2min + 27s)), "Sun, 22 Nov 2026 00:02:27 +0000");
    EXPECT_EQ(rfc5322_date(WallTime{}), "Thu, 01 Jan 1970 00:00:00 +0000");
    EXPECT_EQ(rfc5322_date(at(2024y / 2 / 29, 23h + 59min + 59s + 999'999us)), "Thu, 29 Feb 2024 23:59:59 +0000");
    EXPECT_EQ(rfc5322_date(at(1969y / 12 / 31, 23h)), "Wed, 31 Dec 1969 23:00:00 +0000");  // before the epoch
}

TEST(TimeTest, Rfc3339)
{
    EXPECT_EQ(rfc3339_date(at(2026y / 11 / 22, 2min + 27s + 123'999us)), "2026-11-22T00:02:27.123Z");
    EXPECT_EQ(rfc3339_date(at(1969y / 12 / 31, 23h + 59min + 59s + 5ms)), "1969-12-31T23:59:59.005Z");
    EXPECT_EQ(rfc3339_date(at(9999y / 12 / 31, 0s)), "9999-12-31T00:00:00.000Z");
}

class HandClock final : public Clock {
public:
    WallTime now() const override { return {}; }
    SteadyTime steady() const override { return steady_time; }
    SteadyTime steady_time{1h};
};

TEST(TimeTest, DeadlinePassesBySteadyTime)
{
    HandClock clock;
    const Deadline deadline = Deadline::in(clock, 5min);
    EXPECT_FALSE(deadline.passed(clock));
    clock.steady_time += 5min - 1ns;
    EXPECT_FALSE(deadline.passed(clock));
    clock.steady_time += 1ns;
    EXPECT_TRUE(deadline.passed(clock));
    clock.steady_time += hours(24 * 365 * 100);
    EXPECT_FALSE(Deadline::never().passed(clock));
}

TEST(TimeTest, SystemClockRuns)
{
    const SystemClock clock;
    const SteadyTime first = clock.steady();
    EXPECT_LE(first, clock.steady());
    EXPECT_GT(clock.now(), WallTime{sys_days{2024y / 1 / 1}});
}

}  // namespace
}  // namespace posthouse
