// Text helpers every room needs: ASCII case, escaping, base64, hex, numbers, UTF-8.
//
// Nothing here knows mail. All functions are pure; threads: any.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string to_lower(std::string_view text);  // ASCII letters only
std::string to_upper(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text);  // spaces and tabs at both ends
std::vector<std::string_view> split(std::string_view text, char separator);

// Whole text, decimal digits only, no sign, no overflow (`-1`, 20 digits and `` are refused).
template <class Number> std::optional<Number> parse_number(std::string_view text)
{
    if (text.empty())
        return std::nullopt;
    Number value = 0;
    for (const char c : text) {
        if (!is_digit(c))
            return std::nullopt;
        if (__builtin_mul_overflow(value, Number{10}, &value) ||
            __builtin_add_overflow(value, static_cast<Number>(c - '0'), &value))
            return std::nullopt;
    }
    return value;
}

// For logs, terminals, bounces and trace fields: controls (C0, DEL, C1), invalid UTF-8 and
// bidirectional overrides become \xNN or \u{NNNN}; cut to `most` bytes with an ellipsis.
std::string printable(std::string_view text, std::size_t most = 1000);

bool is_valid_utf8(std::string_view text);
bool is_ascii(std::string_view text);

std::string base64_encode(std::string_view bytes);  // RFC 4648 section 4, padded
std::optional<std::string> base64_decode(std::string_view text);  // strict: canonical padding, no blanks
std::string hex_encode(std::string_view bytes);  // lower case
std::optional<std::string> hex_decode(std::string_view text);

// Time does not depend on where the two differ. For secrets.
bool equals_in_constant_time(std::string_view a, std::string_view b);

}  // namespace posthouse
