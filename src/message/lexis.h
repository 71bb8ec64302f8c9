// The characters and blanks of RFC 5322 section 3.2, shared by this room's grammars. Private to the room.
#pragma once

#include "base/text.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthouse::message::lexis {

// One class a byte: a table look-up instead of a chain of comparisons.
enum class Class : std::uint8_t {
    atext,  // RFC 5322 section 3.2.3 and, by RFC 6532 section 3.2, every byte above 127
    special,  // ()<>[]:;@\,."
    blank,  // space, tab, and CR, LF, NUL, which count as blanks in a folded value
    control,
};

inline constexpr std::array<Class, 256> classes = [] {
    std::array<Class, 256> table{};
    for (int c = 0; c < 0x20; ++c)
        table[static_cast<std::size_t>(c)] = Class::control;
    table[0x7f] = Class::control;
    for (const char c : {' ', '\t', '\r', '\n', '\0'})
        table[static_cast<unsigned char>(c)] = Class::blank;
    for (const char c : std::string_view("()<>[]:;@\\,.\""))
        table[static_cast<unsigned char>(c)] = Class::special;
    return table;
}();

constexpr Class class_of(char c) { return classes[static_cast<unsigned char>(c)]; }
constexpr bool is_atext(char c) { return class_of(c) == Class::atext; }
constexpr bool is_blank(char c) { return class_of(c) == Class::blank; }

// RFC 5322 section 3.2.2: `at` stands on '('. The index behind the matching ')', or npos if it is never closed.
// Counts the depth instead of recursing.
constexpr std::size_t skip_comment(std::string_view text, std::size_t at)
{
    std::size_t depth = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == '\\')
            ++at;
        else if (text[at] == '(')
            ++depth;
        else if (text[at] == ')' && --depth == 0)
            return at + 1;
    }
    return std::string_view::npos;
}

// CFWS: blanks and comments. An unclosed comment swallows the rest.
constexpr std::size_t skip_cfws(std::string_view text, std::size_t at)
{
    while (at < text.size()) {
        if (is_blank(text[at]))
            ++at;
        else if (text[at] == '(')
            at = std::min(skip_comment(text, at), text.size());
        else
            break;
    }
    return at;
}

// RFC 5322 section 3.2.4: `at` stands on '"'. Appends the unquoted text without CR, LF and NUL; gives the index
// behind the closing quote, or npos if there is none (then the rest was appended).
constexpr std::size_t read_quoted_string(std::string_view text, std::size_t at, std::string& out)
{
    for (++at; at < text.size(); ++at) {
        char c = text[at];
        if (c == '"')
            return at + 1;
        if (c == '\\' && at + 1 < text.size())
            c = text[++at];
        if (c != '\r' && c != '\n' && c != '\0')
            out += c;
    }
    return std::string_view::npos;
}

// Written so that the compiler makes vector code of it.
constexpr bool has_8bit(std::string_view bytes)
{
    unsigned char all = 0;
    for (const char c : bytes)
        all |= static_cast<unsigned char>(c);
    return (all & 0x80) != 0;
}

// RFC 2045 section 5.1: no controls, no blanks, none of ()<>@,;:\"/[]?=
constexpr bool is_token(std::string_view text)
{
    for (const char c : text)
        if (c <= ' ' || c == 0x7f || std::string_view("()<>@,;:\\\"/[]?=").find(c) != std::string_view::npos)
            return false;
    return !text.empty();
}

constexpr int hex_value(char c)
{
    const char lower = ascii_lower(c);
    return is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// For sentences that are told to the sender: ASCII, no controls, short.
inline std::string shown(std::string_view text)
{
    std::string out = printable(text, 60);
    std::string ascii;
    for (const char c : out)
        if (static_cast<unsigned char>(c) < 0x80)
            ascii += c;
        else if (ascii.empty() || ascii.back() != '?')
            ascii += '?';
    return "'" + ascii + "'";
}

}  // namespace posthouse::message::lexis
