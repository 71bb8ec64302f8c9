#include "mailbox/housekeeping.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

constexpr auto between_looks = 30s;

}  // namespace

std::shared_ptr<Owner> Household::find(AccountId account)
{
    const SteadyTime now = services_.clock.steady();
    std::shared_ptr<Owner> owner;
    bool look = false;
    {
        const std::scoped_lock lock(mutex_);
        std::shared_ptr<Owner>& known = owners_[account];
        if (!known)
            known = std::make_shared<Owner>(account, services_, activity_, loop_);
        owner = known;
        owner->touch();
        look = is_due(now);
    }
    // No timer: where nothing happens nothing grows.
    if (look)
        loop_.post([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->keep_house();
        });
    return owner;
}

bool Household::is_due(SteadyTime now)
{
    const bool due = now - looked_ > between_looks || owners_.size() > memory_.accounts + memory_.accounts / 8;
    if (due)
        looked_ = now;
    return due;
}

void Household::keep_house()
{
    const SteadyTime now = services_.clock.steady();
    std::vector<std::shared_ptr<Owner>> gone;  // destroyed after the lock
    std::vector<std::shared_ptr<Owner>> kept;
    {
        const std::scoped_lock lock(mutex_);
        // Only this map holds those that nobody can begin to use meanwhile.
        std::vector<std::shared_ptr<Owner>*> unused;
        for (auto& [account, owner] : owners_)
            if (owner.use_count() == 1 && !owner->busy())
                unused.push_back(&owner);
        std::ranges::sort(unused, {}, [](const auto* owner) { return (*owner)->used(); });
        std::size_t too_many = owners_.size() - std::min(owners_.size(), memory_.accounts);
        for (std::shared_ptr<Owner>* owner : unused) {
            if (too_many == 0 && now - (*owner)->used() < memory_.patience)
                break;
            too_many -= too_many > 0 ? 1 : 0;
            gone.push_back(std::move(*owner));
        }
        std::erase_if(owners_, [](const auto& known) { return !known.second; });
        for (const auto& [account, owner] : owners_)
            if (!owner->busy())
                kept.push_back(owner);
    }
    forget_mailboxes(kept, now);
}

void Household::forget_mailboxes(std::span<const std::shared_ptr<Owner>> owners, SteadyTime now)
{
    std::vector<std::size_t> entries;  // of each owner
    std::size_t all = 0;
    for (const auto& owner : owners) {
        entries.push_back(owner->forget_mailboxes(now - memory_.patience).value_or(0));
        all += entries.back();
    }
    for (std::size_t i = 0; i < owners.size() && all > memory_.entries; ++i)
        if (const auto left = owners[i]->forget_mailboxes(now - 1s))
            all -= entries[i] - std::min(entries[i], *left);
}

std::size_t Household::size() const
{
    const std::scoped_lock lock(mutex_);
    return owners_.size();
}

}  // namespace posthouse::mailbox
