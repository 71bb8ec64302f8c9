// Does a name match a LIST pattern? RFC 3501 section 6.3.8.
#pragma once

#include <string_view>

namespace posthouse::imap {

inline constexpr char hierarchy_separator = '/';

// "*" matches anything, "%" anything without the separator. Time in proportion to pattern times
// name at worst, whatever stands in them (HOSTILE A17). Case counts; INBOX is the caller's business.
bool matches_pattern(std::string_view name, std::string_view pattern);

// Could a name below `name` ("name/…") match?
bool may_match_below(std::string_view name, std::string_view pattern);

}  // namespace posthouse::imap
