// Content transfer encodings, from bytes: RFC 2045 section 6.7 and 6.8.
#include "message/builder.h"

#include "base/text.h"

namespace posthouse::message {

namespace {

constexpr std::size_t line_length = 76;
constexpr std::string_view hex_digits = "0123456789ABCDEF";

}  // namespace

std::string encode_quoted_printable(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 4);
    std::size_t column = 0;
    const auto ends_line = [&](std::size_t at) {
        return at < bytes.size() &&
            (bytes[at] == '\n' || (bytes[at] == '\r' && at + 1 < bytes.size() && bytes[at + 1] == '\n'));
    };
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (ends_line(i)) {
            i += bytes[i] == '\r' ? 1 : 0;
            out += "\r\n";
            column = 0;
            continue;
        }
        const char c = bytes[i];
        const bool blank = c == ' ' || c == '\t';
        const bool last_in_line = i + 1 == bytes.size() || ends_line(i + 1);
        const bool literal = (c > ' ' && c < 0x7f && c != '=') || (blank && !last_in_line);
        const std::size_t width = literal ? 1 : 3;
        if (column + width > line_length - (last_in_line ? 0 : 1)) {  // room for the '=' of a soft break
            out += "=\r\n";
            column = 0;
        }
        if (literal) {
            out += c;
        } else {
            out += '=';
            out += hex_digits[static_cast<unsigned char>(c) >> 4];
            out += hex_digits[static_cast<unsigned char>(c) & 15];
        }
        column += width;
    }
    return out;
}

std::string encode_base64_lines(std::string_view bytes)
{
    constexpr std::size_t bytes_per_line = line_length / 4 * 3;
    std::string out;
    out.reserve(bytes.size() / 3 * 4 + bytes.size() / bytes_per_line * 2 + 8);
    for (std::size_t at = 0; at < bytes.size(); at += bytes_per_line) {
        out += base64_encode(bytes.substr(at, bytes_per_line));
        out += "\r\n";
    }
    return out;
}

}  // namespace posthouse::message
