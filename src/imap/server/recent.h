// Who sees a message first: IMAP's \Recent.
//
// RFC 3501 section 2.3.2: a message is recent in the session that is the first to be told of it. So
// nothing is stored per message: for each mailbox that has been looked at since the server started,
// one UID up to which some session has claimed; and in each session the UIDs that it claimed, which
// are a few ranges. What was filed before the server started is not recent.
#pragma once

#include "base/time.h"
#include "mailbox/types.h"

#include <array>
#include <map>
#include <mutex>
#include <utility>

namespace posthouse::imap {

// The claims of one session. Bounded: of very many ranges the oldest are forgotten.
using RecentUids = mailbox::NumberSet;

// Threads: any.
class RecentClaims {
public:
    explicit RecentClaims(WallTime start) : start_(start) { }

    // The first UID that nobody has claimed yet.
    mailbox::Uid unclaimed_from(mailbox::AccountId account, const mailbox::Snapshot& snapshot) const;
    // The same, and all up to the snapshot's last is the caller's from now on.
    mailbox::Uid claim(mailbox::AccountId account, const mailbox::Snapshot& snapshot);
    void forget(mailbox::AccountId account, mailbox::MailboxId mailbox);

private:
    using Name = std::pair<mailbox::AccountId, mailbox::MailboxId>;
    struct Shard {
        mutable std::mutex mutex;
        std::map<Name, mailbox::Uid> next;
    };
    const Shard& shard(mailbox::AccountId account) const { return shards_[account % shards_.size()]; }
    mailbox::Uid first_since_start(const mailbox::Snapshot& snapshot) const;

    WallTime start_;
    std::array<Shard, 16> shards_;
};

}  // namespace posthouse::imap
