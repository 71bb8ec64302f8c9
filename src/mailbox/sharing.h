// Who shares mailboxes with whom, seen from the one they are shared with: rows of the system's partition.
//
// They are hints. What is shared is what the access control lists say, which live with their owner; a batch does
// not cross partitions. So a hint is written before the list that it tells of, and who follows it looks at the lists.
#pragma once

#include "mailbox/mailbox.h"

namespace posthouse::mailbox {

class Sharing {
public:
    explicit Sharing(const MailboxServices& services) : services_(services) { }

    Task<Result<void>> note(AccountId owner, AccountId with) const;  // with: or `anyone`
    Task<Result<void>> forget(AccountId owner, AccountId with) const;
    Task<Result<std::vector<AccountId>>> owners_sharing_with(AccountId with) const;  // at most 1,000

private:
    Task<Result<void>> write(AccountId owner, AccountId with, bool there) const;

    const MailboxServices& services_;
};

}  // namespace posthouse::mailbox
