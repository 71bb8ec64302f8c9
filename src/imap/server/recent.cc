#include "imap/server/recent.h"

#include <algorithm>

namespace posthouse::imap {

using mailbox::AccountId;
using mailbox::Snapshot;
using mailbox::Uid;

// Save dates rise with the UIDs, so what came since the start is at the end.
Uid RecentClaims::first_since_start(const Snapshot& snapshot) const
{
    for (std::size_t i = snapshot.blocks.size(); i-- > 0;) {
        const auto& entries = snapshot.blocks[i]->entries;
        const auto old = std::ranges::find_if(entries.rbegin(), entries.rend(),
                                              [&](const mailbox::Entry& entry) { return entry.save_date < start_; });
        if (old != entries.rend())
            return old->uid + 1;
    }
    return 1;
}

Uid RecentClaims::unclaimed_from(AccountId account, const Snapshot& snapshot) const
{
    const Shard& mine = shard(account);
    const std::scoped_lock lock(mine.mutex);
    const auto found = mine.next.find({account, snapshot.mailbox});
    return found == mine.next.end() ? first_since_start(snapshot) : found->second;
}

Uid RecentClaims::claim(AccountId account, const Snapshot& snapshot)
{
    Shard& mine = shards_[account % shards_.size()];
    const std::scoped_lock lock(mine.mutex);
    const auto [place, is_new] = mine.next.try_emplace({account, snapshot.mailbox}, 0);
    const Uid from = is_new ? first_since_start(snapshot) : place->second;
    place->second = std::max(from, snapshot.uid_next);
    return from;
}

void RecentClaims::forget(AccountId account, mailbox::MailboxId mailbox)
{
    Shard& mine = shards_[account % shards_.size()];
    const std::scoped_lock lock(mine.mutex);
    mine.next.erase({account, mailbox});
}

}  // namespace posthouse::imap
