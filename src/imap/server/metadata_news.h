// What has been set by SETMETADATA, for NOTIFY's MailboxMetadataChange and ServerMetadataChange (RFC 5465 sections 5.6
// and 5.7). IMAP is the only door that sets metadata, so one server's sessions tell each other.
//
// In memory: the last 1,000 entries. Threads: any. Lifetime: outlives every session.
#pragma once

#include "mailbox/mailbox.h"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace posthouse::imap {

class MetadataNews {
public:
    struct Change {
        std::uint64_t number = 0;  // rising, from 1
        mailbox::AccountId owner = 0;
        mailbox::MailboxId mailbox = 0;  // 0: the account's own
        mailbox::AccountId actor = 0;  // who set it: what is private is his
        Id session = 0;
        std::string name;
    };
    // Calls `wake`, on its loop, until it is dropped there.
    using Registration = std::shared_ptr<void>;
    Registration listen(Loop& loop, std::function<void()> wake);

    void tell(std::vector<Change> changes);
    std::uint64_t last() const;
    // Those behind `number`, of this owner; what has fallen out meanwhile is not told.
    std::vector<Change> since(std::uint64_t number, mailbox::AccountId owner) const;

private:
    static constexpr std::size_t most = 1000;
    struct Listener {
        Loop* loop = nullptr;
        std::function<void()> wake;
    };

    mutable std::mutex mutex_;
    std::deque<Change> changes_;
    std::uint64_t last_ = 0;
    std::vector<std::weak_ptr<Listener>> listeners_;
};

}  // namespace posthouse::imap
