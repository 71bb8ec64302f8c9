// One spelling for each name, so that a key finds it: domains as lower-case A-labels (RFC 5890),
// local parts in lower case (ASCII letters only) and normalisation form C (RFC 6532 section 3.1).
//
// Pure; threads: any.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace posthouse::directory {

inline constexpr std::size_t longest_domain = 253;  // bytes, RFC 1035 section 2.3.4
inline constexpr std::size_t longest_local_part = 64;  // bytes, RFC 5321 section 4.5.3.1.1
inline constexpr char subaddress_separator = '+';  // RFC 5233

struct Name {
    std::string local_part;
    std::string domain;
    std::string text() const { return local_part + '@' + domain; }
    friend bool operator==(const Name&, const Name&) = default;
};

// Errors: malformed, too_large; the text is a sentence. An address literal is no domain of ours.
Result<std::string> normal_domain(std::string_view domain);
// What may be looked up: any UTF-8 without controls (the grammar has taken quotes off already).
Result<std::string> normal_local_part(std::string_view local_part);
Result<Name> normal_address(std::string_view address);
// What may be founded: also a dot-string (RFC 5321 section 4.1.2), so that every address can be typed without quotes.
Result<Name> new_address(std::string_view address);

struct Subaddressed {
    std::string base;
    std::string subaddress;
};
// "bob+lists" → bob, lists. nullopt: no separator, or nothing before it.
std::optional<Subaddressed> cut_subaddress(std::string_view local_part);

}  // namespace posthouse::directory
