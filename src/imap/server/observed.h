// One account's mailboxes as NOTIFY watches them: one's own, or those that another shares. RFC 5465 section 5.9.
//
// What is another's is looked at through his gate (mailbox/mailbox.h), which asks the access control lists each time:
// what has been taken from the client is not in the tree any more.
#pragma once

#include "imap/server/shared_names.h"

#include <set>

namespace posthouse::imap {

struct Observed {
    mailbox::AccountPtr account;
    std::string prefix;  // of its names, as this client sees them; empty: one's own
    mailbox::Watch watch;
    mailbox::MailboxTreePtr tree;  // as it was told last; null: nothing of it was
    mailbox::MailboxTreePtr own;  // one's own tree at that time: what is subscribed
    std::vector<mailbox::Mailbox> shared;  // of another's tree: by the names that the client knows
    std::set<mailbox::MailboxId> refused;  // which the client was told that it may not watch

    bool is_own() const { return prefix.empty(); }
    std::span<const mailbox::Mailbox> mailboxes() const;
    const mailbox::Mailbox* find(mailbox::MailboxId id) const;
};

// RFC 5465 section 5: every event asks for the rights 'l' and 'r'.
bool may_observe(const mailbox::Mailbox& mailbox);
// Another's mailboxes as the client sees them. `own`: whose subscriptions count.
std::vector<mailbox::Mailbox> shared_in(const mailbox::MailboxTree& tree, std::string_view prefix,
                                        const mailbox::MailboxTree& own);

}  // namespace posthouse::imap
