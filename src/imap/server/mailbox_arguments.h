// From a name that the client wrote to a mailbox.
#pragma once

#include "imap/server/reply.h"
#include "imap/server/session.h"

#include <expected>

namespace posthouse::imap {

// The account's tree, and the mailbox of this name in it. The refusal is a reply: NO [NONEXISTENT].
struct Found {
    mailbox::AccountPtr account;  // whose it is
    mailbox::MailboxTreePtr tree;
    mailbox::Mailbox mailbox;
    std::string name;  // as clients see it
};
Task<Result<Found>> find_mailbox(Session& session, std::string name);

}  // namespace posthouse::imap
