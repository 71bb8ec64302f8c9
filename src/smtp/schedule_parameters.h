// The parameters of MAIL that speak of time and urgency: HOLDFOR and HOLDUNTIL (RFC 4865), BY
// (RFC 2852), MT-PRIORITY (RFC 6710). Values to values; nullopt or an error: it is none. Pure.
#pragma once

#include "smtp/envelope.h"

#include <optional>
#include <string_view>

namespace posthouse::smtp {

// RFC 4865 section 4: future-release-interval = 1*9DIGIT, not zero.
std::optional<Duration> hold_interval(std::string_view value);
// RFC 3339 section 5.6: date-time, as HOLDUNTIL has it. Fractions of a second are dropped.
std::optional<WallTime> date_time(std::string_view value);
// RFC 2852 section 4: by-value = by-time ";" by-mode [by-trace]; counted from `now`. A by-time that
// is not positive fits by-mode N alone.
std::optional<DeliverBy> by_value(std::string_view value, WallTime now);
// RFC 6710 section 5: priority-value = (["-"] NZDIGIT) / "0"
std::optional<int> priority_value(std::string_view value);

}  // namespace posthouse::smtp
