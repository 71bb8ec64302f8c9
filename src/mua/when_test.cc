#include "mua/when.h"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace posthouse::mua {
namespace {

constexpr WallTime now{std::chrono::seconds{1'795'305'747}};  // Sun, 22 Nov 2026 00:02:27 UTC

class Moments : public testing::Test {
protected:
    Moments()
    {
        ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        ::tzset();
    }
    ~Moments() override
    {
        ::unsetenv("TZ");
        ::tzset();
    }
    static std::string moment(std::string_view text)
    {
        const auto found = parse_moment(text, now);
        return found ? rfc3339_date(*found) : found.error().text;
    }
};

TEST(Spans, AreSaidWithUnits)
{
    EXPECT_EQ(*parse_span("10m"), 10min);
    EXPECT_EQ(*parse_span("1h30M"), 90min);
    EXPECT_EQ(*parse_span("90s"), 90s);
    EXPECT_EQ(*parse_span("2d"), 48h);
    for (const std::string_view bad : {"", "10", "m", "10x", "-5m", "0s", "10 m", "99999999999999999999s", "9999999d",
                                       "9223372036854775807d", "1.5h"})
        EXPECT_FALSE(parse_span(bad)) << bad;
}

TEST_F(Moments, AreLocalUnlessAZoneIsSaid)
{
    EXPECT_EQ(moment("2026-11-29 08:30"), "2026-11-29T07:30:00.000Z");
    EXPECT_EQ(moment("2026-07-29T08:30"), "2026-07-29T06:30:00.000Z") << "summer time";
    EXPECT_EQ(moment("2026-11-29T08:30Z"), "2026-11-29T08:30:00.000Z");
    EXPECT_EQ(moment("2026-11-29 08:30-02:00"), "2026-11-29T10:30:00.000Z");
}

TEST_F(Moments, ATimeOfDayIsTheNextOne)
{
    EXPECT_EQ(moment("01:03"), "2026-11-22T00:03:00.000Z") << "it is 01:02:27 in Berlin";
    EXPECT_EQ(moment("01:02"), "2026-11-23T00:02:00.000Z");
    EXPECT_EQ(moment("00:01Z"), "2026-11-23T00:01:00.000Z");
}

TEST_F(Moments, WhatIsNoneIsRefused)
{
    for (const std::string_view bad : {"", "tomorrow", "25:00", "08:60", "2026-02-30 08:00", "2026-11-29", "08:00 x",
                                       "08:00+1:00", "2026-11-29_08:00"})
        EXPECT_FALSE(parse_moment(bad, now)) << bad;
}

TEST_F(Moments, AreShownInLocalTime) { EXPECT_EQ(moment_text(now), "Sun 22 Nov 2026 01:02"); }

}  // namespace
}  // namespace posthouse::mua
