#include "mua/when.h"

#include "base/cursor.h"

#include <ctime>
#include <optional>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

constexpr Duration longest_span = std::chrono::days{3650};

std::optional<int> number(Cursor& in, std::size_t digits)
{
    const std::string_view text = in.take_bytes(digits);
    return text.size() == digits ? parse_number<int>(text) : std::nullopt;
}

struct Clockwise {
    std::optional<std::chrono::year_month_day> date;
    int hour = 0;
    int minute = 0;
    std::optional<std::chrono::minutes> zone;  // east of UTC
};

// 4DIGIT "-" 2DIGIT "-" 2DIGIT
std::optional<std::chrono::year_month_day> date(Cursor& in)
{
    const auto year = number(in, 4);
    if (!year || !in.take('-'))
        return std::nullopt;
    const auto month = number(in, 2);
    if (!month || !in.take('-'))
        return std::nullopt;
    const auto day = number(in, 2);
    if (!day)
        return std::nullopt;
    const std::chrono::year_month_day found{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                            std::chrono::day(static_cast<unsigned>(*day))};
    return found.ok() ? std::optional(found) : std::nullopt;
}

// 2DIGIT ":" 2DIGIT
bool time_of_day(Cursor& in, int& hour, int& minute)
{
    const auto hours = number(in, 2);
    if (!hours || *hours > 23 || !in.take(':'))
        return false;
    const auto minutes = number(in, 2);
    if (!minutes || *minutes > 59)
        return false;
    hour = *hours;
    minute = *minutes;
    return true;
}

// "Z" / ("+" / "-") 2DIGIT ":" 2DIGIT
std::optional<std::chrono::minutes> zone(Cursor& in)
{
    if (in.take("z"))
        return std::chrono::minutes{0};
    const bool west = in.take('-');
    if (!west && !in.take('+'))
        return std::nullopt;
    int hour = 0;
    int minute = 0;
    if (!time_of_day(in, hour, minute))
        return std::nullopt;
    const std::chrono::minutes offset = std::chrono::hours{hour} + std::chrono::minutes{minute};
    return west ? -offset : offset;
}

std::optional<Clockwise> clockwise(Cursor in)
{
    Clockwise found;
    Cursor tried = in;
    if (const auto day = date(tried)) {
        in = tried;
        found.date = day;
        if (!in.take('T') && !in.take('t') && !in.take(' '))
            return std::nullopt;
    }
    if (!time_of_day(in, found.hour, found.minute))
        return std::nullopt;
    if (!in.at_end()) {
        found.zone = zone(in);
        if (!found.zone || !in.at_end())
            return std::nullopt;
    }
    return found;
}

std::tm local(WallTime time)
{
    const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return parts;
}

// The calendar day there or here, at that time of day.
WallTime on_day(const Clockwise& at, std::chrono::year_month_day day)
{
    if (at.zone)
        return WallTime{std::chrono::sys_days{day}} + std::chrono::hours{at.hour} + std::chrono::minutes{at.minute} -
            *at.zone;
    std::tm parts{};
    parts.tm_year = static_cast<int>(day.year()) - 1900;
    parts.tm_mon = static_cast<int>(static_cast<unsigned>(day.month())) - 1;
    parts.tm_mday = static_cast<int>(static_cast<unsigned>(day.day()));
    parts.tm_hour = at.hour;
    parts.tm_min = at.minute;
    parts.tm_isdst = -1;
    return WallTime{std::chrono::seconds{std::mktime(&parts)}};
}

std::chrono::year_month_day today(const Clockwise& at, WallTime now)
{
    if (at.zone)
        return std::chrono::floor<std::chrono::days>(now + *at.zone);
    const std::tm parts = local(now);
    return {std::chrono::year(parts.tm_year + 1900), std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
            std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
}

std::optional<Duration> unit(char c)
{
    switch (c) {
    case 's': return 1s;
    case 'm': return 1min;
    case 'h': return 1h;
    case 'd': return std::chrono::days{1};
    default: return std::nullopt;
    }
}

}  // namespace

Result<Duration> parse_span(std::string_view text)
{
    const auto bad = [&] {
        return fail(ErrorCode::malformed,
                    fmt::format("\"{}\" is no span of time; write 10m, 2h, 1d or 1h30m", printable(text, 60)));
    };
    Duration sum{};
    Cursor in(text);
    while (!in.at_end()) {
        const auto count = parse_number<std::int64_t>(in.take_while(is_digit));
        const std::string_view letter = in.take_bytes(1);
        const auto one = letter.empty() ? std::nullopt : unit(ascii_lower(letter[0]));
        if (!count || !one || *count > longest_span / *one)
            return bad();
        sum += *one * *count;
    }
    if (sum <= Duration{} || sum > longest_span)
        return bad();
    return sum;
}

Result<WallTime> parse_moment(std::string_view text, WallTime now)
{
    const auto at = clockwise(Cursor(trim(text)));
    if (!at)
        return fail(ErrorCode::malformed,
                    fmt::format("\"{}\" is no time; write 08:30, \"2026-11-29 08:30\" or 2026-11-29T08:30Z",
                                printable(text, 60)));
    if (at->date)
        return on_day(*at, *at->date);
    const std::chrono::year_month_day day = today(*at, now);
    const WallTime moment = on_day(*at, day);
    return moment > now ? moment : on_day(*at, std::chrono::sys_days{day} + std::chrono::days{1});
}

std::string moment_text(WallTime time)
{
    const std::tm parts = local(time);
    char text[64];
    const std::size_t size = std::strftime(text, sizeof text, "%a %d %b %Y %H:%M", &parts);
    return {text, size};
}

}  // namespace posthouse::mua
