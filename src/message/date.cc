// Dates in header fields: RFC 5322 section 3.3 and 4.3, and what the world makes of them.
#include "message/header.h"

#include "message/lexis.h"

#include <array>

#include <fmt/format.h>

namespace posthouse::message {

namespace {

constexpr std::array months{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array weekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct NamedZone {
    std::string_view name;
    int hours;
};
// RFC 5322 section 4.3 (the military letters mean nothing there: UTC), and two that are met often.
constexpr std::array named_zones{NamedZone{"ut", 0},   NamedZone{"utc", 0},  NamedZone{"gmt", 0},  NamedZone{"z", 0},
                                 NamedZone{"est", -5}, NamedZone{"edt", -4}, NamedZone{"cst", -6}, NamedZone{"cdt", -5},
                                 NamedZone{"mst", -7}, NamedZone{"mdt", -6}, NamedZone{"pst", -8}, NamedZone{"pdt", -7},
                                 NamedZone{"cet", 1},  NamedZone{"cest", 2}};

template <class Names> std::optional<unsigned> name_index(const Names& names, std::string_view word)
{
    if (word.size() < 3)
        return std::nullopt;
    for (unsigned i = 0; i < names.size(); ++i)
        if (equals_ignoring_case(word.substr(0, 3), names[i]))
            return i;
    return std::nullopt;
}

std::optional<int> named_zone(std::string_view word)
{
    for (const NamedZone& zone : named_zones)
        if (equals_ignoring_case(word, zone.name))
            return zone.hours * 60;
    return std::nullopt;
}

// RFC 5322 section 4.3: what two and three digits mean. "0102" is what programs wrote that counted from 1900.
int full_year(int year, std::size_t digits)
{
    if (digits <= 2)
        return year < 50 ? 2000 + year : 1900 + year;
    return digits == 3 || (year >= 100 && year < 200) ? 1900 + year : year;
}

struct Pieces {
    std::optional<int> year;
    std::optional<unsigned> month;  // from 1
    std::optional<unsigned> day;
    bool has_time = false;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    std::optional<int> zone;  // minutes
    bool afternoon = false;
    bool forenoon = false;
};

std::optional<DateTime> assemble(const Pieces& pieces)
{
    if (!pieces.year || !pieces.month || !pieces.day || *pieces.year < 1900 || *pieces.year > 9999 ||
        *pieces.month > 12 || *pieces.day > 31)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*pieces.year}, std::chrono::month{*pieces.month},
                                           std::chrono::day{*pieces.day}};
    unsigned hour = pieces.hour;
    if (pieces.afternoon && hour < 12)
        hour += 12;
    if (pieces.forenoon && hour == 12)
        hour = 0;
    if (!date.ok() || hour > 23 || pieces.minute > 59 || pieces.second > 60)
        return std::nullopt;
    const std::chrono::minutes zone{pieces.zone.value_or(0)};
    const auto local = std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{pieces.minute} +
        std::chrono::seconds{std::min(pieces.second, 59u)};  // a leap second is the one before
    return DateTime{.time = WallTime{local - zone}, .zone = zone};
}

class DateReader {
public:
    explicit DateReader(std::string_view text) : text_(text) { }

    // Takes words and numbers in any order that can be understood.
    std::optional<DateTime> read_leniently()
    {
        for (;;) {
            skip();
            if (at_ >= text_.size())
                return assemble(pieces_);
            const char c = text_[at_];
            if (is_digit(c))
                number();
            else if (is_alpha(c))
                word();
            else if ((c == '+' || c == '-') && pieces_.has_time)
                zone();
            else
                ++at_;
        }
    }
    std::optional<std::string> read_strictly();

private:
    void skip() { at_ = lexis::skip_cfws(text_, at_); }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c)
    {
        const bool there = peek() == c && at_ < text_.size();
        at_ += there ? 1 : 0;
        return there;
    }
    std::string_view take_digits()
    {
        const std::size_t begin = at_;
        while (is_digit(peek()))
            ++at_;
        return text_.substr(begin, at_ - begin);
    }
    std::string_view take_letters()
    {
        const std::size_t begin = at_;
        while (is_alpha(peek()))
            ++at_;
        return text_.substr(begin, at_ - begin);
    }
    static unsigned value_of(std::string_view digits) { return parse_number<unsigned>(digits).value_or(1'000'000); }

    void number();
    void iso_date(std::string_view year);
    void time(std::string_view hour);
    void word();
    void zone();

    std::string_view text_;
    std::size_t at_ = 0;
    Pieces pieces_;
};

void DateReader::number()
{
    const std::string_view digits = take_digits();
    const std::size_t behind = lexis::skip_cfws(text_, at_);
    if (behind < text_.size() && text_[behind] == ':' && !pieces_.has_time) {
        at_ = behind;
        return time(digits);
    }
    if (digits.size() == 4 && (peek() == '-' || peek() == '/') && !pieces_.year && at_ + 1 < text_.size() &&
        is_digit(text_[at_ + 1]))
        return iso_date(digits);
    if (digits.size() <= 2 && !pieces_.day)
        pieces_.day = value_of(digits);
    else if (digits.size() <= 4 && !pieces_.year)
        pieces_.year = full_year(static_cast<int>(value_of(digits)), digits.size());
}

// "2026-11-22T00:02:27Z" (RFC 3339), "2026/11/22": the month and the day follow the year.
void DateReader::iso_date(std::string_view year)
{
    pieces_.year = static_cast<int>(value_of(year));
    const char separator = text_[at_++];
    pieces_.month = value_of(take_digits());
    if (take(separator))
        pieces_.day = value_of(take_digits());
    if (ascii_lower(peek()) == 't')
        ++at_;
}

// time-of-day = hour ":" minute [ ":" second ], with the obsolete blanks around the colons
void DateReader::time(std::string_view hour)
{
    pieces_.has_time = true;
    pieces_.hour = value_of(hour);
    take(':');
    skip();
    pieces_.minute = value_of(take_digits());
    skip();
    if (take(':')) {
        skip();
        pieces_.second = value_of(take_digits());
        if (take('.'))
            take_digits();
    }
}

void DateReader::word()
{
    const std::string_view letters = take_letters();
    if (const auto month = name_index(months, letters); month && !pieces_.month)
        pieces_.month = *month + 1;
    else if (equals_ignoring_case(letters, "pm"))
        pieces_.afternoon = true;
    else if (equals_ignoring_case(letters, "am"))
        pieces_.forenoon = true;
    else if (const auto zone = named_zone(letters); zone && !pieces_.zone && pieces_.has_time)
        pieces_.zone = *zone;
}

// "+0100", "+01:00", and "GMT+0100", where the number says more than the name.
void DateReader::zone()
{
    const bool west = text_[at_++] == '-';
    std::string_view digits = take_digits();
    unsigned minutes = 0;
    if (digits.size() <= 2) {
        minutes = value_of(digits) * 60;
        if (take(':'))
            minutes += value_of(take_digits());
    } else if (digits.size() == 4) {
        minutes = value_of(digits.substr(0, 2)) * 60 + value_of(digits.substr(2));
    }
    const bool possible = !digits.empty() && minutes <= 24 * 60;
    if (possible && (!pieces_.zone || *pieces_.zone == 0))
        pieces_.zone = west ? -static_cast<int>(minutes) : static_cast<int>(minutes);
}

// date-time = [ day-of-week "," ] day month year hour ":" minute [ ":" second ] zone [CFWS]
std::optional<std::string> DateReader::read_strictly()
{
    skip();
    if (is_alpha(peek())) {
        const std::string_view day_name = take_letters();
        if (day_name.size() != 3 || !name_index(weekdays, day_name))
            return fmt::format("{} is not a day of the week", lexis::shown(day_name));
        skip();
        if (!take(','))
            return "behind the day of the week stands no ','";
        skip();
    }
    const std::string_view day = take_digits();
    if (day.empty() || day.size() > 2)
        return "the day of the month is missing: a date reads like 'Sun, 22 Nov 2026 00:02:27 +0000'";
    skip();
    const std::string_view month = take_letters();
    const auto month_index = name_index(months, month);
    if (month.size() != 3 || !month_index)
        return fmt::format("{} is not a month", lexis::shown(month));
    skip();
    const std::string_view year = take_digits();
    if (year.size() < 2 || year.size() > 4)
        return "the year is missing";
    pieces_.day = value_of(day);
    pieces_.month = *month_index + 1;
    pieces_.year = full_year(static_cast<int>(value_of(year)), year.size());
    skip();
    const std::string_view hour = take_digits();
    skip();
    if (hour.empty() || hour.size() > 2 || peek() != ':')
        return "the time is missing, as in '00:02:27'";
    time(hour);
    skip();
    if (peek() == '+' || peek() == '-') {
        ++at_;
        if (take_digits().size() != 4)
            return "the time zone must have four digits, as in '+0100'";
    } else if (take_letters().empty()) {
        return "the time zone is missing, as in '+0100'";
    }
    skip();
    if (at_ < text_.size())
        return fmt::format("behind the date stands {}", lexis::shown(text_.substr(at_, 20)));
    if (!assemble(pieces_))
        return "there is no such day or time";
    return std::nullopt;
}

}  // namespace

std::optional<DateTime> parse_date(std::string_view value) { return DateReader(value).read_leniently(); }

std::optional<std::string> fault_of_date(std::string_view value)
{
    if (!is_ascii(value))
        return "a date holds ASCII only";
    return DateReader(value).read_strictly();
}

}  // namespace posthouse::message
