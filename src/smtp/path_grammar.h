// The addresses of SMTP: RFC 5321 section 4.1.2 and 4.1.3, with RFC 6531 section 3.3 (UTF-8).
//
// One function per production, with its name. Each takes what it accepts off the cursor; when it
// fails, the cursor is somewhere and the answer is the reason, a sentence for the peer.
//
// Limits: local part 255 bytes, domain 255, label 63. RFC 5321 section 4.5.3.1.1 says 64 for the
// local part and asks for techniques without limits; senders of bounces with encoded addresses
// (VERP, SRS) need more than 64.
#pragma once

#include "base/cursor.h"
#include "smtp/envelope.h"

#include <expected>

namespace posthouse::smtp {

using Reason = std::string_view;  // of static storage
template <class T> using Production = std::expected<T, Reason>;

inline constexpr std::size_t longest_local_part = 255;
inline constexpr std::size_t longest_domain = 255;

Production<Path> reverse_path(Cursor& in);  // Reverse-path = Path / "<>"
Production<Path> forward_path(Cursor& in);  // Forward-path, with "<Postmaster>" (section 4.1.1.3)
Production<Path> path(Cursor& in);  // Path = "<" [ A-d-l ":" ] Mailbox ">"; the route is ignored
Production<Path> mailbox(Cursor& in);  // Mailbox = Local-part "@" ( Domain / address-literal )
Production<std::string> local_part(Cursor& in);  // Dot-string / Quoted-string, unquoted
Production<std::string> domain(Cursor& in);  // in lower case
Production<std::string> address_literal(Cursor& in);  // with its brackets, in lower case

// Could stand without quotes.
bool is_dot_string(std::string_view text);
// Fit for a Received field: the name that a client greets with. More than RFC 5321 section 4.1.1.1
// allows (any label, underscores): many clients greet with what their machine happens to be called.
bool is_greeting_name(std::string_view text);
// A whole text that is a Domain.
bool is_domain(std::string_view text);

}  // namespace posthouse::smtp
