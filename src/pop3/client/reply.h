// What a POP3 server says: RFC 1939 section 3, RFC 2449 section 8. The server is as hostile as any
// peer. Pure.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthouse::pop3 {

struct Reply {
    bool is_ok = false;
    std::string code;  // "IN-USE" of "-ERR [IN-USE] …", in capitals; empty: none
    std::string text;
};
// malformed, where it begins with neither +OK nor -ERR.
Result<Reply> parse_reply(std::string_view line);
// Of a -ERR: unavailable (try again later), not_permitted (user or password), not_found (the rest).
Error to_error(const Reply& reply);

// "+ base64" of a SASL exchange; nullopt: no such line.
std::optional<std::string> parse_challenge(std::string_view line);

struct ListItem {
    std::uint32_t number = 0;
    std::uint64_t size = 0;
};
std::optional<ListItem> parse_list_item(std::string_view line);

struct UniqueId {
    std::uint32_t number = 0;
    std::string id;  // 1 to 70 printable characters (RFC 1939 section 7)
};
std::optional<UniqueId> parse_unique_id(std::string_view line);

// Takes the lines of a multi-line reply apart: unstuffs dots, finds the end, which is CRLF . CRLF and
// nothing else; lines may have any length. The result does not depend on how the bytes were cut.
class MultilineDecoder {
public:
    // Appends what is decoded to `out`; answers how many bytes were taken: all of them until the end
    // is found.
    std::size_t take(std::string_view bytes, std::string& out);
    bool is_done() const { return state_ == State::done; }

private:
    enum class State { line_start, text, cr, dot, dot_cr, done };
    State state_ = State::line_start;
};

}  // namespace posthouse::pop3
