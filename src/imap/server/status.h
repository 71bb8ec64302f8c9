// STATUS responses: for STATUS itself, and for LIST's RETURN (STATUS …).
#pragma once

#include "imap/server/session.h"

namespace posthouse::imap {

// "* STATUS name (…)".
void write_status(Session& session, const mailbox::Account& account, std::string_view name,
                  const mailbox::Snapshot& snapshot, const std::vector<StatusItem>& items);

}  // namespace posthouse::imap
