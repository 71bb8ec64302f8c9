#include "pop3/server/body_encoder.h"

#include <algorithm>

namespace posthouse::pop3 {

namespace {

// A line of `text`, the first apart, that ends without CR or begins with a dot. Without a branch a byte, so that the
// compiler compares many bytes at once.
bool has_odd_line(std::string_view text)
{
    static constexpr std::size_t at_once = 1024;
    for (std::size_t begin = 1; begin < text.size(); begin += at_once) {
        const std::size_t end = std::min(begin + at_once, text.size());
        unsigned char odd = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const bool bare_lf = (text[i] == '\n') & (text[i - 1] != '\r');
            const bool leading_dot = (text[i] == '.') & (text[i - 1] == '\n');
            odd |= static_cast<unsigned char>(bare_lf | leading_dot);
        }
        if (odd != 0)
            return true;
    }
    return false;
}

}  // namespace

bool BodyEncoder::must_change(std::string_view piece) const
{
    return (at_line_start_ && piece.starts_with('.')) || (!after_cr_ && piece.starts_with('\n')) || has_odd_line(piece);
}

std::string BodyEncoder::encode(std::string piece)
{
    if (piece.empty())
        return piece;
    std::string out;
    if (must_change(piece)) {
        out.reserve(piece.size() + piece.size() / 16 + 16);
        bool at_line_start = at_line_start_;
        bool after_cr = after_cr_;
        for (const char c : piece) {
            if (at_line_start && c == '.')
                out += '.';
            if (c == '\n' && !after_cr)
                out += '\r';
            out += c;
            at_line_start = c == '\n';
            after_cr = c == '\r';
        }
    }
    at_line_start_ = piece.back() == '\n';
    after_cr_ = piece.back() == '\r';
    return out.empty() ? std::move(piece) : std::move(out);
}

std::string BodyEncoder::finish() const { return at_line_start_ ? ".\r\n" : "\r\n.\r\n"; }

std::size_t TopCutter::take(std::string_view piece)
{
    std::size_t taken = 0;
    while (!is_done_ && taken < piece.size()) {
        if (!in_header_ && left_ == 0) {
            is_done_ = true;
            break;
        }
        const std::size_t lf = piece.find('\n', taken);
        const std::string_view line = piece.substr(taken, lf == std::string_view::npos ? lf : lf - taken);
        if (line_bytes_ == 0)
            line_begins_with_cr_ = line.starts_with('\r');
        line_bytes_ += line.size();
        if (lf == std::string_view::npos)
            return piece.size();
        taken = lf + 1;
        if (!in_header_)
            --left_;
        else if (line_bytes_ == 0 || (line_bytes_ == 1 && line_begins_with_cr_))
            in_header_ = false;
        line_bytes_ = 0;
        is_done_ = !in_header_ && left_ == 0;
    }
    return taken;
}

}  // namespace posthouse::pop3
