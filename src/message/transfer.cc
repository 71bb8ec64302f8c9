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
    for (std::size_t i = 0; i < piece.size();) {
        const char c = piece[i];
        if (held_.empty()) {
            if (c == '=' || is_line_blank(c))
                held_ += c;
            else
                out += c;
            ++i;
            continue;
        }
        const bool escape = held_[0] == '=';
        const bool at_line_end = c == '\n' || (c == '\r' && !escape);
        if (at_line_end) {
            // A soft break goes with its line end; blanks before a hard one go alone.
            if (!escape || (held_.size() > 1 && lexis::hex_value(held_[1]) >= 0))
                out += escape ? held_ + c : std::string(1, c);
            held_.clear();
            ++i;
        } else if (escape && held_.size() == 2 && lexis::hex_value(held_[1]) >= 0) {
            if (lexis::hex_value(c) >= 0) {
                out += static_cast<char>(lexis::hex_value(held_[1]) * 16 + lexis::hex_value(c));
                ++i;
            } else {
                out += held_;  // no escape after all: `c` is looked at again
            }
            held_.clear();
        } else if (held_.size() < most_held &&
                   (is_line_blank(c) || (escape && (c == '\r' || (held_.size() == 1 && lexis::hex_value(c) >= 0))))) {
            held_ += c;
            ++i;
        } else {
            out += held_;
            held_.clear();
        }
    }
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
