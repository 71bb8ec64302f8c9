// Charsets to UTF-8, by ICU; the three that nearly all mail uses without it.
#include "message/body.h"

#include "message/lexis.h"

#include <array>
#include <memory>

#include <unicode/ucnv.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

namespace posthouse::message {

namespace {

void append_code_point(std::string& out, char32_t c)
{
    std::array<char, 4> bytes{};
    std::int32_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, c);
    out.append(bytes.data(), static_cast<std::size_t>(length));
}

// windows-1252, 0x80 to 0x9f (WHATWG Encoding Standard); the rest is Latin-1.
constexpr std::array<char16_t, 32> windows_1252{0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                                0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

std::string from_windows_1252(std::string_view bytes)
{
    if (!lexis::has_8bit(bytes))
        return std::string(bytes);
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 8);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80)
            out += c;
        else
            append_code_point(out, byte < 0xa0 ? windows_1252[byte - 0x80u] : byte);
    }
    return out;
}

// What is not UTF-8 becomes U+FFFD, once for each maximal wrong piece.
std::string repaired_utf8(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() + 8);
    const auto* text = reinterpret_cast<const std::uint8_t*>(bytes.data());
    for (std::size_t at = 0; at < bytes.size();) {
        UChar32 c = 0;
        U8_NEXT_OR_FFFD(text, at, bytes.size(), c);
        append_code_point(out, static_cast<char32_t>(c));
    }
    return out;
}

struct CloseConverter {
    void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

std::string convert(UConverter& converter, std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 2);
    std::array<UChar, 1024> wide{};
    char32_t lead = 0;  // of a surrogate pair: it may be split over two rounds
    const char* source = bytes.data();
    const char* const source_end = source + bytes.size();
    for (bool more = true; more;) {
        UErrorCode status = U_ZERO_ERROR;
        UChar* target = wide.data();
        ucnv_toUnicode(&converter, &target, wide.data() + wide.size(), &source, source_end, nullptr, true, &status);
        more = status == U_BUFFER_OVERFLOW_ERROR;
        if (!more && U_FAILURE(status))
            return from_windows_1252(bytes);
        for (const UChar* unit = wide.data(); unit < target; ++unit) {
            const char32_t c = *unit;
            if (lead != 0 && U16_IS_TRAIL(c)) {
                append_code_point(out, static_cast<char32_t>(U16_GET_SUPPLEMENTARY(lead, c)));
                lead = 0;
                continue;
            }
            if (lead != 0)
                append_code_point(out, 0xfffd);
            lead = U16_IS_LEAD(c) ? c : 0;
            if (lead == 0)
                append_code_point(out, U16_IS_TRAIL(c) ? 0xfffd : c);
        }
    }
    if (lead != 0)
        append_code_point(out, 0xfffd);
    return out;
}

// Names that mean a superset in mail, whatever the registry says.
std::string_view meant(std::string_view name)
{
    if (name == "gb2312" || name == "gbk" || name == "gb_2312-80" || name == "x-gbk")
        return "gb18030";
    if (name == "ks_c_5601-1987" || name == "euc-kr" || name == "ks_c_5601")
        return "windows-949";
    if (name == "shift_jis" || name == "shift-jis" || name == "x-sjis" || name == "cp932")
        return "windows-31j";
    if (name == "iso-8859-8-i" || name == "iso-8859-8-e")
        return "iso-8859-8";
    if (name == "unicode-1-1-utf-7")
        return "utf-7";
    return name;
}

}  // namespace

std::string to_utf8(std::string_view bytes, std::string_view charset)
{
    std::string name = to_lower(trim(charset));
    if (name == "utf-8" || name == "utf8")
        return is_valid_utf8(bytes) ? std::string(bytes) : repaired_utf8(bytes);
    if (name == "iso-8859-1" || name == "windows-1252" || name == "latin1" || name == "cp1252")
        return from_windows_1252(bytes);
    constexpr std::size_t longest_name = 40;
    const bool known =
        !name.empty() && name != "us-ascii" && name != "ascii" && name.size() <= longest_name && lexis::is_token(name);
    if (known) {
        UErrorCode status = U_ZERO_ERROR;
        const Converter converter(ucnv_open(std::string(meant(name)).c_str(), &status));
        if (U_SUCCESS(status) && converter)
            return convert(*converter, bytes);
    }
    return is_valid_utf8(bytes) ? std::string(bytes) : from_windows_1252(bytes);
}

}  // namespace posthouse::message
