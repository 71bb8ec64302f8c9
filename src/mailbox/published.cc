#include "mailbox/published.h"

#include <algorithm>

namespace posthouse::mailbox {

const Mailbox* MailboxTree::find(std::string_view name) const
{
    const auto normal = normal_name(name);
    if (!normal)
        return nullptr;
    const auto found = std::ranges::lower_bound(mailboxes, std::string_view(*normal), NameOrder{}, &Mailbox::name);
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
    if (!tree_) {
        auto tree = std::make_shared<MailboxTree>();
        tree->modseq = head_.modseq;
        tree->mailboxes.reserve(mailboxes_.size());
        for (const auto& [name, mailbox] : mailboxes_)
            tree->mailboxes.push_back(mailbox);
        for (const std::string& name : subscribed_)
            if (!mailboxes_.contains(name))
                tree->subscribed_gone.push_back(name);
        tree_ = std::move(tree);
    }
    return tree_;
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

void Published::publish(const State& state)
{
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
        const std::scoped_lock lock(mutex_);
        list_anew(state);
        watchers = to_wake({}, true);
    }
    wake(std::move(watchers));
}

void Published::publish(const State& state, const Applied& applied)
{
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
        const std::scoped_lock lock(mutex_);
        if (applied.renamed || !loaded_)
            list_anew(state);
        head_ = state.head;
        tree_ = nullptr;
        for (const MailboxId mailbox : applied.mailboxes)
            refresh(state, mailbox);
        for (const auto& [name, on] : applied.subscriptions) {
            on ? (void)subscribed_.insert(name) : (void)subscribed_.erase(name);
            if (const auto found = mailboxes_.find(name); found != mailboxes_.end())
                found->second.subscribed = on;
        }
        watchers = to_wake(applied.mailboxes, !applied.subscriptions.empty());
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
        mailboxes_.clear();
        names_.clear();
        subscribed_.clear();
        tree_ = nullptr;
        watchers = to_wake({}, true);
    }
    wake(std::move(watchers));
}

// New, changed, or gone.
void Published::refresh(const State& state, MailboxId mailbox)
{
    const MailboxState* known = state.find_mailbox(mailbox);
    if (!known || !known->shelf)
        shelves_.erase(mailbox);  // gone, or another shelf came under it
    const auto named = names_.find(mailbox);
    if (!known) {
        if (named != names_.end()) {
            const auto listed = mailboxes_.find(named->second);
            if (listed != mailboxes_.end() && listed->second.id == mailbox)
                mailboxes_.erase(listed);
            names_.erase(named);
        }
        return;
    }
    std::string name = named != names_.end() ? named->second : state.name_of(known->row);
    names_.try_emplace(mailbox, name);
    Mailbox described = state.describe(known->row, name);
    mailboxes_.insert_or_assign(std::move(name), std::move(described));
}

void Published::list_anew(const State& state)
{
    loaded_ = true;
    head_ = state.head;
    tree_ = nullptr;
    mailboxes_.clear();
    names_.clear();
    subscribed_ = state.subscribed;
    for (const auto& [node, mailbox] : state.mailboxes()) {
        std::string name = state.name_of(mailbox.row);
        names_[mailbox.row.mailbox] = name;
        Mailbox described = state.describe(mailbox.row, name);
        mailboxes_.insert_or_assign(std::move(name), std::move(described));
    }
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
