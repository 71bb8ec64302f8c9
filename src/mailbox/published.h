// What an account's owner shows to everybody: the tree, the usage, the mailboxes in memory; and who
// wants to be woken when it changes.
//
// A change costs what it touches, not what there is: the tree as a whole is put together when somebody asks.
//
// Threads: the readers' side from any; publish(), show() and withdraw() by who works for the owner.
#pragma once

#include "mailbox/state.h"

#include <atomic>

namespace posthouse::mailbox {

// One registration of Account::watch(). `wake` is called on `loop` only.
struct Watcher {
    MailboxId mailbox = 0;  // 0: everything
    Loop* loop = nullptr;
    std::function<void()> wake;
    std::atomic<bool> armed = true;
};

class Published {
public:
    // nullopt: the owner must be asked (not loaded, or not in memory).
    std::optional<MailboxTreePtr> tree();
    std::optional<HeadRow> head() const;
    SnapshotPtr snapshot(MailboxId mailbox) const;  // null: as above
    void watch(const std::shared_ptr<Watcher>& watcher);

    // The state as it has been read; and after every commit. Wakes.
    void publish(const State& state);
    void publish(const State& state, const Applied& applied);
    void show(MailboxId mailbox, std::shared_ptr<Shelf> shelf);  // null: no longer in memory
    // Nothing is known any more; everybody is woken, to ask again.
    void withdraw();

private:
    void refresh(const State& state, MailboxId mailbox);
    void list_anew(const State& state);
    std::vector<std::shared_ptr<Watcher>> to_wake(std::span<const MailboxId> changed, bool all);

    mutable std::mutex mutex_;
    bool loaded_ = false;
    HeadRow head_;
    std::map<std::string, Mailbox, NameOrder> mailboxes_;
    std::unordered_map<MailboxId, std::string> names_;
    std::set<std::string, std::less<>> subscribed_;
    MailboxTreePtr tree_;  // null: what it is made of has changed since
    std::unordered_map<MailboxId, std::shared_ptr<Shelf>> shelves_;
    std::vector<std::weak_ptr<Watcher>> watchers_;
};

// Calls them, with one wake of each loop.
void wake(std::vector<std::shared_ptr<Watcher>> watchers);

}  // namespace posthouse::mailbox
