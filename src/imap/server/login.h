// What LOGIN and AUTHENTICATE have in common: how a login that failed is told.
#pragma once

#include "directory/sasl.h"
#include "imap/server/reply.h"

namespace posthouse::imap {

class Session;

// RFC 3501 section 6.2, RFC 5530. The reason goes to the log; the peer learns no more than the code.
Reply login_refused(Session& session, const directory::LoginFailed& failed);

}  // namespace posthouse::imap
