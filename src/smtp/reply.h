// What a server says: a code, an enhanced code, and text of one or more lines.
//
// Both ends use it: the server makes replies and writes them with append_to(), the client reads
// them with ReplyParser (smtp/reply_grammar.h).
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace posthouse::smtp {

struct Reply {
    int code = 0;  // RFC 5321 section 4.2: 200 to 599; 0: none
    std::string enhanced;  // RFC 3463, "2.1.0"; empty where there is none (greeting, HELO, 334, 354)
    std::string text;  // lines with '\n' between them, without codes

    bool is_positive() const { return code >= 200 && code < 400; }
    bool is_success() const { return code >= 200 && code < 300; }
    bool is_transient() const { return code >= 400 && code < 500; }
    bool is_permanent() const { return code >= 500; }
    std::string codes() const;  // "250 2.1.0", "354"
    std::string line() const;  // codes and text on one line, for logs and people
    friend bool operator==(const Reply&, const Reply&) = default;
};

// RFC 5321 section 4.5.3.1.5: a reply line is at most 512 bytes, CRLF included.
inline constexpr std::size_t longest_reply_line = 512;

// Writes `reply` as RFC 5321 section 4.2.1 has it, the enhanced code on every line (RFC 2034
// section 4). Controls in the text become '?', lines that are too long are cut: nothing that came
// from outside can forge a reply.
void append_to(std::string& out, const Reply& reply);

// What a session answers when a service failed it. The text of the error stays in the log.
Reply reply_to(const Error& error);

}  // namespace posthouse::smtp
