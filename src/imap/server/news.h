// What sessions of one server tell each other for NOTIFY: what has been set by SETMETADATA (RFC 5465 sections 5.6 and
// 5.7), and that somebody shares with somebody by SETACL (section 5.9). IMAP is the only door that does either.
//
// In memory: the last 1,000 of them. Threads: any. Lifetime: outlives every session.
#pragma once

#include "mailbox/mailbox.h"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace posthouse::imap {

class News {
public:
    struct Change {
        enum class Kind : std::uint8_t { metadata, sharing };
        Kind kind = Kind::metadata;
        std::uint64_t number = 0;  // rising, from 1
        mailbox::AccountId owner = 0;
        mailbox::MailboxId mailbox = 0;  // 0: the account's own
        // Metadata: who set it, for what is private is his. Sharing: with whom, or mailbox::anyone.
        mailbox::AccountId account = 0;
        Id session = 0;
        std::string name;  // of the entry
    };
    // Calls `wake`, on its loop, until it is dropped there.
    using Registration = std::shared_ptr<void>;
    Registration listen(Loop& loop, std::function<void()> wake);

    void tell(std::vector<Change> changes);
    std::uint64_t last() const;
    // Those behind `number`; what has fallen out meanwhile is not told.
    struct Latest {
        std::vector<Change> changes;
        bool is_all = true;
    };
    Latest since(std::uint64_t number) const;

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
