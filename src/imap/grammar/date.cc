#include "imap/grammar/date.h"

#include <array>

#include <fmt/format.h>

namespace posthouse::imap {

namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<unsigned> digits(Cursor& in, std::size_t count)
{
    const std::string_view text = in.take_bytes(count);
    if (text.size() != count)
        return std::nullopt;
    return parse_number<unsigned>(text);
}

std::optional<unsigned> date_month(Cursor& in)
{
    for (unsigned i = 0; i < months.size(); ++i)
        if (in.take(months[i]))
            return i + 1;
    return std::nullopt;
}

// "-" date-month "-" date-year, behind a day.
std::optional<sys_days> month_and_year(Cursor& in, unsigned day_number)
{
    if (!in.take('-'))
        return std::nullopt;
    const auto month_number = date_month(in);
    if (!month_number || !in.take('-'))
        return std::nullopt;
    const auto year_number = digits(in, 4);
    if (!year_number)
        return std::nullopt;
    const year_month_day whole{year(static_cast<int>(*year_number)), month(*month_number), day(day_number)};
    if (!whole.ok())
        return std::nullopt;
    return sys_days(whole);
}

// time = 2DIGIT ":" 2DIGIT ":" 2DIGIT; a leap second counts as the next second.
std::optional<seconds> time_of_day(Cursor& in)
{
    const auto hour = digits(in, 2);
    if (!hour || *hour > 23 || !in.take(':'))
        return std::nullopt;
    const auto minute = digits(in, 2);
    if (!minute || *minute > 59 || !in.take(':'))
        return std::nullopt;
    const auto second = digits(in, 2);
    if (!second || *second > 60)
        return std::nullopt;
    return hours(*hour) + minutes(*minute) + seconds(*second);
}

// zone = ("+" / "-") 4DIGIT
std::optional<minutes> zone(Cursor& in)
{
    const bool west = in.take('-');
    if (!west && !in.take('+'))
        return std::nullopt;
    const auto hour = digits(in, 2);
    const auto minute = digits(in, 2);
    if (!hour || !minute || *hour > 23 || *minute > 59)
        return std::nullopt;
    const minutes east = hours(*hour) + minutes(*minute);
    return west ? -east : east;
}

// date-day-fixed = (SP DIGIT) / 2DIGIT
std::optional<unsigned> date_day_fixed(Cursor& in) { return in.take(' ') ? digits(in, 1) : digits(in, 2); }

}  // namespace

std::optional<WallTime> date_time(Cursor& in)
{
    if (!in.take('"'))
        return std::nullopt;
    const auto day_number = date_day_fixed(in);
    if (!day_number)
        return std::nullopt;
    const auto whole_day = month_and_year(in, *day_number);
    if (!whole_day || !in.take(' '))
        return std::nullopt;
    const auto since_midnight = time_of_day(in);
    if (!since_midnight || !in.take(' '))
        return std::nullopt;
    const auto east = zone(in);
    if (!east || !in.take('"'))
        return std::nullopt;
    return WallTime(*whole_day + *since_midnight - *east);
}

std::optional<sys_days> date(Cursor& in)
{
    const bool is_quoted = in.take('"');
    const std::string_view day_text = in.take_while(is_digit);
    const auto day_number = parse_number<unsigned>(day_text);
    if (!day_number || day_text.size() > 2)
        return std::nullopt;
    const auto whole = month_and_year(in, *day_number);
    if (!whole || (is_quoted && !in.take('"')))
        return std::nullopt;
    return whole;
}

std::string date_time_text(WallTime time)
{
    const auto midnight = floor<days>(time);
    const year_month_day date(midnight);
    const hh_mm_ss clock(floor<seconds>(time - midnight));
    const auto two = [](auto value) {
        return std::array{static_cast<char>('0' + value / 10 % 10), static_cast<char>('0' + value % 10)};
    };
    // By hand: a listing writes one for each message.
    std::string out = "dd-Mon-yyyy hh:mm:ss +0000";
    const auto put = [&out](std::size_t at, std::array<char, 2> digits) { out.replace(at, 2, digits.data(), 2); };
    const int year_number = static_cast<int>(date.year());
    put(0, two(static_cast<unsigned>(date.day())));
    out.replace(3, 3, months[static_cast<unsigned>(date.month()) - 1]);
    put(7, two(year_number / 100));
    put(9, two(year_number % 100));
    put(12, two(clock.hours().count()));
    put(15, two(clock.minutes().count()));
    put(18, two(clock.seconds().count()));
    return out;
}

std::string date_text(sys_days day)
{
    const year_month_day date(day);
    return fmt::format("{}-{}-{:04}", static_cast<unsigned>(date.day()),
                       months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()));
}

}  // namespace posthouse::imap
