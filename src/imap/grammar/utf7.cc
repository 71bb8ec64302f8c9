#include "imap/grammar/utf7.h"

#include "base/cursor.h"

#include <array>
#include <cstdint>
#include <vector>

namespace posthouse::imap {

namespace {

// RFC 3501 section 5.1.3: "," stands for "/" of RFC 4648's alphabet, and there is no padding.
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

constexpr auto values = [] {
    std::array<signed char, 256> all{};
    all.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        all[static_cast<unsigned char>(alphabet[i])] = static_cast<signed char>(i);
    return all;
}();

constexpr bool is_printable_ascii(char32_t c) { return c >= 0x20 && c <= 0x7e; }

void append_utf8(std::string& out, char32_t c)
{
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    }
}

// One code point of valid UTF-8 from the front of `text`.
char32_t take_code_point(std::string_view& text)
{
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t c = length == 1 ? first : first & (0x7f >> length);
    for (std::size_t i = 1; i < length; ++i)
        c = (c << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
    text.remove_prefix(length);
    return c;
}

// The base64 of one run to UTF-16 units; nullopt when bits are left over that are not zero padding.
std::optional<std::vector<std::uint16_t>> units_of(std::string_view base64)
{
    std::vector<std::uint16_t> units;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : base64) {
        bits = (bits << 6) | static_cast<std::uint32_t>(values[static_cast<unsigned char>(c)]);
        count += 6;
        if (count >= 16) {
            count -= 16;
            units.push_back(static_cast<std::uint16_t>(bits >> count));
            bits &= (1u << count) - 1;
        }
    }
    if (count >= 6 || bits != 0 || units.empty())
        return std::nullopt;
    return units;
}

// False for lone surrogates and for what should have stood for itself.
bool append_units(std::string& out, const std::vector<std::uint16_t>& units)
{
    for (std::size_t i = 0; i < units.size(); ++i) {
        char32_t c = units[i];
        if (c >= 0xdc00 && c <= 0xdfff)
            return false;
        if (c >= 0xd800 && c <= 0xdbff) {
            if (++i == units.size() || units[i] < 0xdc00 || units[i] > 0xdfff)
                return false;
            c = 0x10000 + ((c - 0xd800) << 10) + (units[i] - 0xdc00u);
        }
        if (is_printable_ascii(c))
            return false;
        append_utf8(out, c);
    }
    return true;
}

void append_run(std::string& out, const std::vector<std::uint16_t>& units)
{
    out += '&';
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint16_t unit : units) {
        bits = (bits << 16) | unit;
        count += 16;
        for (; count >= 6; count -= 6)
            out += alphabet[(bits >> (count - 6)) & 63];
        bits &= (1u << count) - 1;
    }
    if (count > 0)
        out += alphabet[(bits << (6 - count)) & 63];
    out += '-';
}

}  // namespace

std::optional<std::string> from_utf7(std::string_view text)
{
    std::string out;
    Cursor in(text);
    bool after_run = false;
    while (!in.at_end()) {
        if (!in.take('&')) {
            const char c = in.take_bytes(1)[0];
            if (!is_printable_ascii(static_cast<unsigned char>(c)))
                return std::nullopt;
            out += c;
            after_run = false;
            continue;
        }
        if (in.take('-')) {
            out += '&';
            after_run = false;
            continue;
        }
        const auto units = units_of(in.take_while([](char c) { return values[static_cast<unsigned char>(c)] >= 0; }));
        if (after_run || !units || !in.take('-') || !append_units(out, *units))
            return std::nullopt;
        after_run = true;
    }
    return out;
}

std::string to_utf7(std::string_view utf8)
{
    std::string replaced;
    while (!is_valid_utf8(utf8)) {  // not by any caller of ours: names are checked when they are made
        std::size_t good = 0;
        while (good < utf8.size() && is_ascii(utf8.substr(good, 1)))
            ++good;
        replaced += utf8.substr(0, good);
        replaced += "\xef\xbf\xbd";
        utf8.remove_prefix(std::min(utf8.size(), good + 1));
    }
    replaced += utf8;

    std::string out;
    std::vector<std::uint16_t> run;
    std::string_view rest = replaced;
    while (!rest.empty()) {
        const char32_t c = take_code_point(rest);
        if (is_printable_ascii(c)) {
            if (!run.empty())
                append_run(out, run);
            run.clear();
            out += static_cast<char>(c);
            if (c == '&')
                out += '-';
        } else if (c >= 0x10000) {
            run.push_back(static_cast<std::uint16_t>(0xd800 + ((c - 0x10000) >> 10)));
            run.push_back(static_cast<std::uint16_t>(0xdc00 + ((c - 0x10000) & 0x3ff)));
        } else {
            run.push_back(static_cast<std::uint16_t>(c));
        }
    }
    if (!run.empty())
        append_run(out, run);
    return out;
}

}  // namespace posthouse::imap
