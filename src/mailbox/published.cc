#include "mailbox/published.h"

#include <algorithm>

namespace posthouse::mailbox {

const Mailbox* MailboxTree::find(std::string_view name) const
{
    const auto normal = normal_name(name);
    if (!normal)
        return nullptr;
    const auto found = std::ranges::lower_bound(mailboxes, std::string_view(*normal), comes_before, &Mailbox::name);
    return found != mailboxes.end() && found->name == *normal ? &*found : nullptr;
}

const Mailbox* MailboxTree::find(MailboxId id) const
{
    const auto found = std::ranges::find(mailboxes, id, &Mailbox::id);
    return found == mailboxes.end() ? nullptr : &*found;
}

const Mailbox* MailboxTree::find(SpecialUse use) const
{
    const auto found = std::ranges::find(mailboxes, use, &Mailbox::special_use);
    return use == SpecialUse::none || found == mailboxes.end() ? nullptr : &*found;
}

std::optional<MailboxTreePtr> Published::tree()
{
    const std::scoped_lock lock(mutex_);
    if (!loaded_)
        return std::nullopt;
    if (!current_)
        current_ = std::make_shared<const MailboxTree>(next_);
    return current_;
}

std::optional<HeadRow> Published::head() const
{
    const std::scoped_lock lock(mutex_);
    return loaded_ ? std::optional(head_) : std::nullopt;
}

SnapshotPtr Published::snapshot(MailboxId mailbox) const
{
    std::shared_ptr<Shelf> shelf;
    {
        const std::scoped_lock lock(mutex_);
        const auto found = shelves_.find(mailbox);
        if (found == shelves_.end())
            return nullptr;
        shelf = found->second;
    }
    return shelf->snapshot();
}

void Published::watch(const std::shared_ptr<Watcher>& watcher)
{
    const std::scoped_lock lock(mutex_);
    if (watchers_.size() == watchers_.capacity())
        std::erase_if(watchers_, [](const auto& known) { return known.expired(); });
    watchers_.push_back(watcher);
}

void Published::publish(const State& state, std::span<const MailboxId> changed, bool tree_changed)
{
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
        const std::scoped_lock lock(mutex_);
        head_ = state.head;
        if (tree_changed || !loaded_)
            list_anew(state);
        else
            for (const MailboxId mailbox : changed)
                refresh(state, mailbox);
        next_.modseq = state.head.modseq;
        current_ = nullptr;
        loaded_ = true;
        watchers = to_wake(changed, tree_changed);
    }
    wake(std::move(watchers));
}

void Published::show(MailboxId mailbox, std::shared_ptr<Shelf> shelf)
{
    const std::scoped_lock lock(mutex_);
    if (shelf)
        shelves_[mailbox] = std::move(shelf);
    else
        shelves_.erase(mailbox);
}

void Published::withdraw()
{
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
        const std::scoped_lock lock(mutex_);
        if (!std::exchange(loaded_, false))
            return;
        shelves_.clear();
        next_ = {};
        position_.clear();
        current_ = nullptr;
        watchers = to_wake({}, true);
    }
    wake(std::move(watchers));
}

void Published::refresh(const State& state, MailboxId mailbox)
{
    const MailboxState* known = state.find_mailbox(mailbox);
    const auto at = position_.find(mailbox);
    if (known && at != position_.end()) {
        Mailbox& listed = next_.mailboxes[at->second];
        listed = state.describe(known->row, std::move(listed.name));
    }
}

void Published::list_anew(const State& state)
{
    next_.mailboxes = state.listing();
    position_.clear();
    next_.subscribed_gone.clear();
    std::set<std::string_view> there;
    for (std::size_t i = 0; i < next_.mailboxes.size(); ++i) {
        position_[next_.mailboxes[i].id] = i;
        there.insert(next_.mailboxes[i].name);
    }
    for (const std::string& name : state.subscribed)
        if (!there.contains(name))
            next_.subscribed_gone.push_back(name);
    // What is gone, or stands on another shelf now, is no longer shown.
    std::erase_if(shelves_, [&state](const auto& shown) {
        const MailboxState* known = state.find_mailbox(shown.first);
        return !known || known->shelf != shown.second;
    });
}

std::vector<std::shared_ptr<Watcher>> Published::to_wake(std::span<const MailboxId> changed, bool all)
{
    std::vector<std::shared_ptr<Watcher>> woken;
    for (const auto& weak : watchers_) {
        auto watcher = weak.lock();
        if (!watcher)
            continue;
        const bool concerned =
            watcher->mailbox == 0 ? !changed.empty() : std::ranges::find(changed, watcher->mailbox) != changed.end();
        if ((all || concerned) && watcher->armed.exchange(false))
            woken.push_back(std::move(watcher));
    }
    return woken;
}

void wake(std::vector<std::shared_ptr<Watcher>> watchers)
{
    while (!watchers.empty()) {
        Loop* const loop = watchers.back()->loop;
        // Weak again: a watch dropped before its loop gets to this is not called.
        std::vector<std::weak_ptr<Watcher>> of_loop;
        std::erase_if(watchers, [loop, &of_loop](const auto& watcher) {
            if (watcher->loop == loop)
                of_loop.push_back(watcher);
            return watcher->loop == loop;
        });
        loop->post([of_loop = std::move(of_loop)] {
            for (const auto& weak : of_loop)
                if (const auto watcher = weak.lock())
                    if (const auto call = watcher->wake)  // a copy: it may drop its own watch
                        call();
        });
    }
}

}  // namespace posthouse::mailbox
