// Which accounts are in memory: one map a loop, and the rule by which they leave it again.
#pragma once

#include "mailbox/owner.h"

namespace posthouse::mailbox {

// Limits of what stays in memory on one loop although nobody uses it now.
struct Memory {
    Duration patience = 5min;  // after the last use
    std::size_t accounts = 2000;
    std::size_t entries = 2'000'000;  // 64 bytes each
};

// Threads: find() from any; keep_house() on the loop.
class Household final : public std::enable_shared_from_this<Household> {
public:
    Household(const MailboxServices& services, std::shared_ptr<Activity> activity, Loop& loop, Memory memory) :
        services_(services), activity_(std::move(activity)), loop_(loop), memory_(memory)
    {
    }

    std::shared_ptr<Owner> find(AccountId account);  // makes one where there is none
    void keep_house();
    std::size_t size() const;
    Loop& loop() { return loop_; }

private:
    bool is_due(SteadyTime now);
    void forget_mailboxes(std::span<const std::shared_ptr<Owner>> owners, SteadyTime now);

    const MailboxServices services_;
    const std::shared_ptr<Activity> activity_;
    Loop& loop_;
    const Memory memory_;
    mutable std::mutex mutex_;
    std::unordered_map<AccountId, std::shared_ptr<Owner>> owners_;  // by mutex_
    SteadyTime looked_;  // by mutex_
};

}  // namespace posthouse::mailbox
