#include "base/time.h"

#include <array>

#include <fmt/format.h>

namespace posthouse {

bool Clock::call_at(SteadyTime, std::function<void()>) const { return false; }

WallTime SystemClock::now() const { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

SteadyTime SystemClock::steady() const { return std::chrono::steady_clock::now(); }

namespace {

struct Parts {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<Duration> time;
    unsigned weekday;
};

Parts split(WallTime time)
{
    const auto day = std::chrono::floor<std::chrono::days>(time);
    return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss<Duration>{time - day},
            std::chrono::weekday{day}.c_encoding()};
}

}  // namespace

std::string rfc5322_date(WallTime time)
{
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const Parts parts = split(time);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", days[parts.weekday], unsigned(parts.date.day()),
                       months[unsigned(parts.date.month()) - 1], int(parts.date.year()), parts.time.hours().count(),
                       parts.time.minutes().count(), parts.time.seconds().count());
}

std::string rfc3339_date(WallTime time)
{
    const Parts parts = split(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(parts.date.year()),
                       unsigned(parts.date.month()), unsigned(parts.date.day()), parts.time.hours().count(),
                       parts.time.minutes().count(), parts.time.seconds().count(),
                       parts.time.subseconds().count() / 1000);
}

}  // namespace posthouse
