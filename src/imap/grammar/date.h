// IMAP's dates: `date-time` of APPEND and INTERNALDATE, `date` of SEARCH. RFC 3501 section 9.
#pragma once

#include "base/cursor.h"
#include "base/time.h"

#include <optional>
#include <string>

namespace posthouse::imap {

// date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
std::optional<WallTime> date_time(Cursor& in);
// date = date-text / DQUOTE date-text DQUOTE, as in "1-Feb-1994".
std::optional<std::chrono::sys_days> date(Cursor& in);

// Always in UTC, without the quotes: "17-Jul-1996 02:44:25 +0000".
std::string date_time_text(WallTime time);
std::string date_text(std::chrono::sys_days day);  // "1-Feb-1994"

}  // namespace posthouse::imap
