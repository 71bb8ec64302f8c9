// The MAIL and RCPT lines that a client says for an envelope, with the parameters that this server
// announces. What comes out fits smtp/command_grammar.h (fuzzed). Pure.
#pragma once

#include "smtp/capabilities.h"
#include "smtp/envelope.h"

#include <optional>

namespace posthouse::smtp {

// Why the server cannot take this envelope, with the reply it would have given; nullopt: it can.
// SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), FUTURERELEASE (RFC 4865), DELIVERBY (RFC 2852).
std::optional<Reply> what_server_lacks(const Envelope& envelope, const Capabilities& server, WallTime now);

// Without CRLF. `now`: BY= says how much time is left (RFC 2852 section 4.1.4).
std::string mail_line(const Envelope& envelope, const Capabilities& server, WallTime now);
std::string rcpt_line(const Recipient& recipient, const Capabilities& server);

}  // namespace posthouse::smtp
