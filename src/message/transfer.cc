// Content transfer encodings, to bytes: RFC 2045 section 6.7 and 6.8.
#include "message/body.h"

#include "message/lexis.h"

#include <array>

namespace posthouse::message {

namespace {

constexpr std::array<signed char, 256> base64_values = [] {
    std::array<signed char, 256> values{};
    values.fill(-1);
    signed char value = 0;
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
        values[static_cast<unsigned char>(c)] = value++;
    return values;
}();

// A run of blanks, or an escape with blanks behind it, is held back up to here; longer ones are text.
constexpr std::size_t most_held = 1000;

constexpr bool is_line_blank(char c) { return c == ' ' || c == '\t'; }

// Of a run of blanks, what feed_held() would have in `held_` at its end.
std::size_t held_of(std::size_t blanks) { return blanks == 0 ? 0 : (blanks - 1) % most_held + 1; }

std::size_t trailing_blanks(std::string_view text) { return text.size() - (text.find_last_not_of(" \t") + 1); }

}  // namespace

TransferEncoding transfer_encoding(std::string_view name)
{
    if (equals_ignoring_case(name, "base64"))
        return TransferEncoding::base64;
    if (equals_ignoring_case(name, "quoted-printable"))
        return TransferEncoding::quoted_printable;
    return TransferEncoding::identity;
}

void TransferDecoder::feed(std::string_view piece, std::string& out)
{
    switch (encoding_) {
    case TransferEncoding::identity: out += piece; break;
    case TransferEncoding::base64: feed_base64(piece, out); break;
    case TransferEncoding::quoted_printable: feed_quoted_printable(piece, out); break;
    }
}

// RFC 2045 section 6.8: what is not in the alphabet is skipped. Padding ends a run; another run may follow,
// as programs that join encoded pieces leave it.
void TransferDecoder::feed_base64(std::string_view piece, std::string& out)
{
    for (const char c : piece) {
        const signed char value = base64_values[static_cast<unsigned char>(c)];
        if (value >= 0) {
            group_ = (group_ << 6) | static_cast<std::uint32_t>(value);
            if (++characters_ == 4) {
                const std::array<char, 3> bytes{static_cast<char>(group_ >> 16), static_cast<char>(group_ >> 8),
                                                static_cast<char>(group_)};
                out.append(bytes.data(), bytes.size());
                group_ = 0;
                characters_ = 0;
            }
        } else if (c == '=') {
            finish(out);
        }
    }
}

void TransferDecoder::feed_quoted_printable(std::string_view piece, std::string& out)
{
    for (std::size_t at = 0; at < piece.size();)
        at = held_.empty() ? feed_run(piece, at, out) : feed_held(piece, at, out);
}

// Nothing is held: everything up to the next escape or line end at once, and that too where it is whole.
std::size_t TransferDecoder::feed_run(std::string_view piece, std::size_t at, std::string& out)
{
    std::size_t end = at;
    while (end < piece.size() && piece[end] != '=' && piece[end] != '\n' && piece[end] != '\r')
        ++end;
    const std::string_view run = piece.substr(at, end - at);
    if (end == piece.size() || piece[end] != '=') {
        const std::size_t blanks = held_of(trailing_blanks(run));
        out += run.substr(0, run.size() - blanks);
        if (end == piece.size())
            held_ = run.substr(run.size() - blanks);
        else
            out += piece[end];  // blanks before a line end are no text
        return std::min(end + 1, piece.size());
    }
    out += run;
    const std::string_view escape = piece.substr(end, 3);
    if (escape.size() == 3 && lexis::hex_value(escape[1]) >= 0 && lexis::hex_value(escape[2]) >= 0) {
        out += static_cast<char>(lexis::hex_value(escape[1]) * 16 + lexis::hex_value(escape[2]));
        return end + 3;
    }
    if (escape == "=\r\n")
        return end + 3;
    held_ = "=";
    return end + 1;
}

// An escape that is not whole, or blanks that may end the line: one character, or none and `held_` is given up.
std::size_t TransferDecoder::feed_held(std::string_view piece, std::size_t at, std::string& out)
{
    const char c = piece[at];
    const bool escape = held_[0] == '=';
    const bool half_escape = escape && held_.size() == 2 && lexis::hex_value(held_[1]) >= 0;
    if (half_escape && lexis::hex_value(c) >= 0) {
        out += static_cast<char>(lexis::hex_value(held_[1]) * 16 + lexis::hex_value(c));
        held_.clear();
        return at + 1;
    }
    if (!half_escape && escape && c == '\n') {  // a soft line break
        held_.clear();
        return at + 1;
    }
    if (!escape && (c == '\n' || c == '\r')) {
        held_.clear();
        return at;
    }
    const bool goes_on = !half_escape && held_.size() < most_held &&
        (is_line_blank(c) || (escape && (c == '\r' || (held_.size() == 1 && lexis::hex_value(c) >= 0))));
    if (goes_on) {
        held_ += c;
        return at + 1;
    }
    out += held_;  // no escape after all, or blanks within a line: `c` is looked at again
    held_.clear();
    return at;
}

void TransferDecoder::finish(std::string& out)
{
    if (characters_ >= 2)
        out += static_cast<char>(group_ >> (characters_ == 2 ? 4 : 10));
    if (characters_ == 3)
        out += static_cast<char>(group_ >> 2);
    group_ = 0;
    characters_ = 0;
    // Blanks at the end and a soft break at the end are no text; half an escape is.
    if (held_.size() == 2 && held_[0] == '=' && lexis::hex_value(held_[1]) >= 0)
        out += held_;
    held_.clear();
}

std::string decode_transfer(std::string_view raw, TransferEncoding encoding)
{
    std::string out;
    out.reserve(raw.size());
    TransferDecoder decoder(encoding);
    decoder.feed(raw, out);
    decoder.finish(out);
    return out;
}

}  // namespace posthouse::message
