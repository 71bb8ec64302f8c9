#include "smtp/reply.h"

#include "base/text.h"

#include <fmt/format.h>

namespace posthouse::smtp {

std::string Reply::codes() const
{
    return enhanced.empty() ? fmt::format("{}", code) : fmt::format("{} {}", code, enhanced);
}

std::string Reply::line() const
{
    std::string out = codes();
    if (!text.empty())
        out += ' ';
    for (const char c : text)
        out += c == '\n' ? ' ' : c;
    return out;
}

namespace {

void append_line(std::string& out, const Reply& reply, std::string_view text, bool is_last)
{
    const std::size_t start = out.size();
    out += static_cast<char>('0' + reply.code / 100 % 10);
    out += static_cast<char>('0' + reply.code / 10 % 10);
    out += static_cast<char>('0' + reply.code % 10);
    out += is_last ? ' ' : '-';
    if (!reply.enhanced.empty()) {
        out += reply.enhanced;
        out += ' ';
    }
    const std::size_t room = longest_reply_line - 2 - (out.size() - start);
    std::size_t count = std::min(text.size(), room);
    while (count > 0 && count < text.size() && (static_cast<unsigned char>(text[count]) & 0xc0) == 0x80)
        --count;  // not in the middle of a UTF-8 sequence
    for (const char c : text.substr(0, count))
        out += is_control(c) ? '?' : c;
    out += "\r\n";
}

}  // namespace

void append_to(std::string& out, const Reply& reply)
{
    std::string_view rest = reply.text;
    for (;;) {
        const std::size_t end = rest.find('\n');
        append_line(out, reply, rest.substr(0, end), end == std::string_view::npos);
        if (end == std::string_view::npos)
            return;
        rest.remove_prefix(end + 1);
    }
}

Reply reply_to(const Error& error)
{
    switch (error.code) {
    case ErrorCode::no_space: return {452, "4.3.1", "no space left to take mail; try again later"};
    case ErrorCode::over_quota: return {452, "4.2.2", "the mailbox is full; try again later"};
    case ErrorCode::too_large: return {552, "5.3.4", "the message is too large"};
    case ErrorCode::cancelled: return {421, "4.3.2", "shutting down; try again later"};
    case ErrorCode::limit: return {452, "4.5.3", "too many at once; try again later"};
    default: return {451, "4.3.0", "a service of this server cannot answer now; try again later"};
    }
}

}  // namespace posthouse::smtp
