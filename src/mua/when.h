// Times as a person says them: how long from now, or when. Pure but for the local time zone.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <string_view>

namespace posthouse::mua {

// "90s", "10m", "2h", "1d", "1h30m". malformed.
Result<Duration> parse_span(std::string_view text);

// "08:30" (the next time it is that), "2026-11-29 08:30" (or with a T), both in local time; with "Z" or "+01:00"
// behind it in that zone. malformed.
Result<WallTime> parse_moment(std::string_view text, WallTime now);

// "Sun 29 Nov 2026 08:30", local.
std::string moment_text(WallTime time);

}  // namespace posthouse::mua
