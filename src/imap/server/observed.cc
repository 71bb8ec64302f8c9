#include "imap/server/observed.h"

#include <algorithm>

namespace posthouse::imap {

using mailbox::Mailbox;

std::span<const Mailbox> Observed::mailboxes() const
{
    if (!is_own())
        return shared;
    return tree ? std::span<const Mailbox>(tree->mailboxes) : std::span<const Mailbox>();
}

const Mailbox* Observed::find(mailbox::MailboxId id) const
{
    const auto found = std::ranges::find(mailboxes(), id, &Mailbox::id);
    return found == mailboxes().end() ? nullptr : &*found;
}

bool may_observe(const Mailbox& mailbox)
{
    return mailbox.rights.has(mailbox::Right::lookup) && mailbox.rights.has(mailbox::Right::read);
}

std::vector<Mailbox> shared_in(const mailbox::MailboxTree& tree, std::string_view prefix,
                               const mailbox::MailboxTree& own)
{
    std::vector<Mailbox> shared = tree.mailboxes;
    for (Mailbox& mailbox : shared) {
        mailbox.name.insert(0, prefix);
        mailbox.subscribed = std::ranges::binary_search(own.subscribed_gone, mailbox.name);
    }
    return shared;
}

}  // namespace posthouse::imap
