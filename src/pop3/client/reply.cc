#include "pop3/client/reply.h"

#include "base/cursor.h"

#include <algorithm>

namespace posthouse::pop3 {

Result<Reply> parse_reply(std::string_view line)
{
    Reply reply;
    Cursor cursor(line);
    reply.is_ok = cursor.take("+OK");
    if ((!reply.is_ok && !cursor.take("-ERR")) || (!cursor.at_end() && !cursor.take(' ')))
        return fail(ErrorCode::malformed, "not a POP3 reply: " + printable(line, 80));
    reply.text = cursor.rest();
    // RFC 2449 section 8: "[" response code "]" at the front.
    if (!reply.is_ok && cursor.take('[')) {
        const std::string_view code = cursor.take_while([](char c) { return c > ' ' && c != ']' && c < 0x7f; });
        if (cursor.take(']')) {
            reply.code = to_upper(code);
            reply.text = trim(cursor.rest());
        }
    }
    return reply;
}

Error to_error(const Reply& reply)
{
    const auto is = [&](std::string_view code) { return reply.code == code; };
    const ErrorCode code = is("SYS/TEMP") || is("IN-USE") || is("LOGIN-DELAY") ? ErrorCode::unavailable
        : is("AUTH") || is("SYS/PERM")                                         ? ErrorCode::not_permitted
                                                                               : ErrorCode::not_found;
    return {code, printable(reply.text, 300)};
}

std::optional<std::string> parse_challenge(std::string_view line)
{
    if (!line.starts_with('+') || line.starts_with("+OK"))
        return std::nullopt;
    line.remove_prefix(1);
    if (line.starts_with(' '))
        line.remove_prefix(1);
    return base64_decode(line);
}

namespace {

std::optional<std::uint32_t> take_message_number(Cursor& cursor)
{
    const auto number = parse_number<std::uint32_t>(cursor.take_while(is_digit));
    if (!number || *number == 0 || !cursor.take(' '))
        return std::nullopt;
    return number;
}

}  // namespace

std::optional<ListItem> parse_list_item(std::string_view line)
{
    Cursor cursor(line);
    const auto number = take_message_number(cursor);
    const auto size = parse_number<std::uint64_t>(cursor.take_while(is_digit));
    // RFC 1939 section 5: more may follow the size.
    if (!number || !size || !(cursor.at_end() || cursor.peek() == ' '))
        return std::nullopt;
    return ListItem{*number, *size};
}

std::optional<UniqueId> parse_unique_id(std::string_view line)
{
    Cursor cursor(line);
    const auto number = take_message_number(cursor);
    const std::string_view id = trim(cursor.rest());
    const bool is_good =
        !id.empty() && id.size() <= 70 && std::ranges::all_of(id, [](char c) { return c >= 0x21 && c <= 0x7e; });
    if (!number || !is_good)
        return std::nullopt;
    return UniqueId{*number, std::string(id)};
}

std::size_t MultilineDecoder::take(std::string_view bytes, std::string& out)
{
    std::size_t at = 0;
    while (at < bytes.size() && state_ != State::done) {
        if (state_ == State::text) {  // the rest of a line at once
            const std::size_t cr = std::min(bytes.find('\r', at), bytes.size());
            out += bytes.substr(at, cr - at);
            at = cr;
            if (at == bytes.size())
                break;
        }
        const char c = bytes[at++];
        switch (state_) {
        case State::line_start:
            if (c == '.') {
                state_ = State::dot;
                continue;
            }
            break;
        case State::dot:  // the stuffed dot is dropped
            if (c == '\r') {
                state_ = State::dot_cr;
                continue;
            }
            break;
        case State::dot_cr:
            if (c == '\n') {
                state_ = State::done;
                continue;
            }
            out += '\r';
            break;
        case State::cr:
            if (c == '\n') {
                out += c;
                state_ = State::line_start;
                continue;
            }
            break;
        case State::text:
        case State::done: break;
        }
        out += c;
        state_ = c == '\r' ? State::cr : State::text;
    }
    return at;
}

}  // namespace posthouse::pop3
