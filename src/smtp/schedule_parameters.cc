#include "smtp/schedule_parameters.h"

#include "base/cursor.h"

#include <algorithm>

namespace posthouse::smtp {

namespace {

// count digits, no more and no less
std::optional<int> digits(Cursor& in, std::size_t count)
{
    const std::string_view text = in.take_bytes(count);
    if (text.size() != count || !std::ranges::all_of(text, is_digit))
        return std::nullopt;
    return parse_number<int>(text);
}

// full-date = 4DIGIT "-" 2DIGIT "-" 2DIGIT
std::optional<std::chrono::sys_days> full_date(Cursor& in)
{
    const auto year = digits(in, 4);
    if (!year || !in.take('-'))
        return std::nullopt;
    const auto month = digits(in, 2);
    if (!month || !in.take('-'))
        return std::nullopt;
    const auto day = digits(in, 2);
    if (!day)
        return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok())
        return std::nullopt;
    return std::chrono::sys_days(date);
}

// hour ":" minute, as in partial-time and in time-numoffset
std::optional<std::chrono::minutes> hour_and_minute(Cursor& in)
{
    const auto hour = digits(in, 2);
    if (!hour || *hour > 23 || !in.take(':'))
        return std::nullopt;
    const auto minute = digits(in, 2);
    if (!minute || *minute > 59)
        return std::nullopt;
    return std::chrono::hours(*hour) + std::chrono::minutes(*minute);
}

// time-offset = "Z" / ("+" / "-") time-hour ":" time-minute
std::optional<std::chrono::minutes> time_offset(Cursor& in)
{
    if (in.take('Z') || in.take('z'))
        return std::chrono::minutes(0);
    const bool is_west = in.take('-');
    if (!is_west && !in.take('+'))
        return std::nullopt;
    const auto offset = hour_and_minute(in);
    if (!offset)
        return std::nullopt;
    return is_west ? -*offset : *offset;
}

}  // namespace

std::optional<Duration> hold_interval(std::string_view value)
{
    if (value.size() > 9)
        return std::nullopt;
    const auto seconds = parse_number<std::int64_t>(value);
    if (!seconds || *seconds == 0)
        return std::nullopt;
    return std::chrono::seconds(*seconds);
}

std::optional<WallTime> date_time(std::string_view value)
{
    Cursor in(value);
    const auto date = full_date(in);
    if (!date || (!in.take('T') && !in.take('t')))
        return std::nullopt;
    const auto time = hour_and_minute(in);
    if (!time || !in.take(':'))
        return std::nullopt;
    const auto second = digits(in, 2);
    if (!second || *second > 60)  // a leap second
        return std::nullopt;
    if (in.take('.') && in.take_while(is_digit).empty())
        return std::nullopt;
    const auto offset = time_offset(in);
    if (!offset || !in.at_end())
        return std::nullopt;
    return WallTime(*date) + *time + std::chrono::seconds(*second) - *offset;
}

std::optional<DeliverBy> by_value(std::string_view value, WallTime now)
{
    Cursor in(value);
    const bool is_negative = in.take('-');
    if (!is_negative)
        in.take('+');
    const std::string_view text = in.take_while(is_digit);
    const auto seconds = text.size() <= 9 ? parse_number<std::int64_t>(text) : std::nullopt;
    if (!seconds || !in.take(';'))
        return std::nullopt;
    DeliverBy by{now + std::chrono::seconds(is_negative ? -*seconds : *seconds)};
    by.notify_only = in.take('N') || in.take('n');
    if (!by.notify_only && !in.take('R') && !in.take('r'))
        return std::nullopt;
    by.trace = in.take('T') || in.take('t');
    if (!in.at_end() || (!by.notify_only && by.until <= now))
        return std::nullopt;
    return by;
}

std::optional<int> priority_value(std::string_view value)
{
    Cursor in(value);
    const bool is_negative = in.take('-');
    if (in.at_end() || !is_digit(in.peek()))
        return std::nullopt;
    const int number = in.peek() - '0';
    in.take_bytes(1);
    if (!in.at_end() || (is_negative && number == 0))
        return std::nullopt;
    return is_negative ? -number : number;
}

}  // namespace posthouse::smtp
