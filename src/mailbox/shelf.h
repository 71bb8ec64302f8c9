// A mailbox held in memory: the owner changes it, everybody reads it as immutable snapshots.
//
// A change replaces the blocks it touched and nothing else; the snapshot of it is put together when
// somebody asks, once, so that deliveries into a mailbox nobody looks at cost no more for its size.
//
// Threads: snapshot() and idle_since() from any; the rest by who works for the owner.
#pragma once

#include "mailbox/rows.h"

#include <mutex>

namespace posthouse::mailbox {

using BlockPtr = std::shared_ptr<const Block>;
using KeywordsPtr = std::shared_ptr<const KeywordTable>;

class Shelf {
public:
    // `blocks` in order of number, none empty.
    Shelf(const MailboxRow& row, KeywordsPtr keywords, std::vector<BlockPtr> blocks, const Clock& clock);

    SnapshotPtr snapshot();
    // The same for the owner, who does not count as somebody who uses it.
    SnapshotPtr current();
    SteadyTime used() const;

    // Blocks that the change touched, in order of number; an empty one takes that block away.
    void apply(const MailboxRow& row, KeywordsPtr keywords, std::span<const BlockPtr> changed);
    const Block* block(Uid number) const { return block_pointer(number).get(); }  // nullptr: there is none
    BlockPtr block_pointer(Uid number) const;
    std::span<const BlockPtr> blocks() const { return next_.blocks; }

private:
    void describe(const MailboxRow& row, KeywordsPtr keywords);
    void replace(const BlockPtr& changed);
    void count_from(std::size_t index);

    const Clock& clock_;
    mutable std::mutex mutex_;
    Snapshot next_;  // written by the owner under mutex_, read by it without
    SnapshotPtr current_;  // by mutex_; null: next_ has changed since
    SteadyTime used_;  // by mutex_
};

}  // namespace posthouse::mailbox
