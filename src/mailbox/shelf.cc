#include "mailbox/shelf.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

constexpr auto number_of = [](const BlockPtr& block) { return block->number; };

}  // namespace

Shelf::Shelf(const MailboxRow& row, KeywordsPtr keywords, std::vector<BlockPtr> blocks, const Clock& clock) :
    clock_(clock), used_(clock.steady())
{
    next_.blocks = std::move(blocks);
    next_.first_position.resize(next_.blocks.size());
    describe(row, std::move(keywords));
    count_from(0);
}

SnapshotPtr Shelf::snapshot()
{
    const SteadyTime now = clock_.steady();
    SnapshotPtr snapshot = current();
    const std::scoped_lock lock(mutex_);
    used_ = now;
    return snapshot;
}

SnapshotPtr Shelf::current()
{
    const std::scoped_lock lock(mutex_);
    if (!current_)
        current_ = std::make_shared<const Snapshot>(next_);
    return current_;
}

SteadyTime Shelf::used() const
{
    const std::scoped_lock lock(mutex_);
    return used_;
}

void Shelf::apply(const MailboxRow& row, KeywordsPtr keywords, std::span<const BlockPtr> changed)
{
    const std::scoped_lock lock(mutex_);
    describe(row, std::move(keywords));
    std::size_t lowest = next_.blocks.size();
    for (const BlockPtr& block : changed) {
        replace(block);
        const auto at = std::ranges::lower_bound(next_.blocks, block->number, {}, number_of);
        lowest = std::min(lowest, static_cast<std::size_t>(at - next_.blocks.begin()));
    }
    next_.first_position.resize(next_.blocks.size());
    count_from(lowest);
    current_ = nullptr;
}

BlockPtr Shelf::block_pointer(Uid number) const
{
    const auto found = std::ranges::lower_bound(next_.blocks, number, {}, number_of);
    return found != next_.blocks.end() && (*found)->number == number ? *found : nullptr;
}

void Shelf::describe(const MailboxRow& row, KeywordsPtr keywords)
{
    next_.mailbox = row.mailbox;
    next_.uid_validity = row.uid_validity;
    next_.uid_next = row.uid_next;
    next_.highest_modseq = row.highest_modseq;
    next_.unseen = row.unseen;
    next_.deleted = row.deleted;
    next_.total_size = row.bytes;
    next_.keywords = std::move(keywords);
}

void Shelf::replace(const BlockPtr& changed)
{
    const auto at = std::ranges::lower_bound(next_.blocks, changed->number, {}, number_of);
    const bool there = at != next_.blocks.end() && (*at)->number == changed->number;
    if (changed->entries.empty()) {
        if (there)
            next_.blocks.erase(at);
    } else if (there) {
        *at = changed;
    } else {
        next_.blocks.insert(at, changed);
    }
}

void Shelf::count_from(std::size_t index)
{
    std::uint32_t position = 0;
    if (index > 0)
        position =
            next_.first_position[index - 1] + static_cast<std::uint32_t>(next_.blocks[index - 1]->entries.size());
    for (; index < next_.blocks.size(); ++index) {
        next_.first_position[index] = position;
        position += static_cast<std::uint32_t>(next_.blocks[index]->entries.size());
    }
    next_.size_ = position;
}

}  // namespace posthouse::mailbox
