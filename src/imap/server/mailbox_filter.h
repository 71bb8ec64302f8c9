// Which mailboxes of a tree a filter names: NOTIFY's and ESEARCH's. RFC 5465 section 6, RFC 7377 section 2.2.
#pragma once

#include "imap/grammar/mailbox_filter.h"
#include "mailbox/mailbox.h"

namespace posthouse::imap {

// `selected`: the mailbox that is; 0: none.
bool is_named(const MailboxFilter& filter, const mailbox::Mailbox& mailbox, mailbox::MailboxId selected);

// Could it name a mailbox of others whose names begin with `prefix` ("shared/alice@north.test/")?
bool can_name(const MailboxFilter& filter, std::string_view prefix);

}  // namespace posthouse::imap
