// The parameters of MAIL and RCPT: RFC 5321 section 4.1.2 Mail-parameters and Rcpt-parameters.
//
// SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), RET, ENVID, NOTIFY, ORCPT (RFC 3461),
// AUTH (RFC 4954), HOLDFOR and HOLDUNTIL (RFC 4865), BY (RFC 2852), MT-PRIORITY (RFC 6710). A parameter
// is taken only where its extension was announced.
#pragma once

#include "base/cursor.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"

#include <expected>

namespace posthouse::smtp {

template <class T> using Parsed = std::expected<T, Reply>;

// Which extensions with parameters this session may use. SIZE, BODY and SMTPUTF8 always.
struct Extensions {
    bool dsn = false;
    bool auth = false;
    Duration longest_hold{};  // zero: FUTURERELEASE was not announced
    bool deliver_by = false;
    bool priority = false;
    WallTime now;  // what HOLDFOR and BY count from
};

// What stands behind the path, up to the end of the line.
Parsed<void> mail_parameters(Cursor& in, Extensions announced, Envelope& envelope);
Parsed<void> rcpt_parameters(Cursor& in, Extensions announced, Recipient& recipient);

// RFC 3461 section 4: xtext = *( xchar / hexchar ), decoded. Nothing decodes to a control.
std::optional<std::string> xtext(std::string_view text);
std::string to_xtext(std::string_view text);

}  // namespace posthouse::smtp
