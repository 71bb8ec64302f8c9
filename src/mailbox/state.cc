#include "mailbox/state.h"

#include "base/text.h"
#include "mailbox/draft.h"

#include <algorithm>

namespace posthouse::mailbox {

const Block* MailboxState::block(Uid number) const
{
    if (shelf)
        return shelf->block(number);
    return tail && tail->number == number ? tail.get() : nullptr;
}

const MailboxState* State::find(NodeId node) const
{
    const auto found = mailboxes_.find(node);
    return found == mailboxes_.end() ? nullptr : &found->second;
}

MailboxState* State::find(NodeId node) { return const_cast<MailboxState*>(std::as_const(*this).find(node)); }

const MailboxState* State::find_mailbox(MailboxId mailbox) const
{
    const auto found = by_id_.find(mailbox);
    return found == by_id_.end() ? nullptr : find(found->second);
}

const MailboxState* State::find_name(std::string_view name) const
{
    NodeId node = 0;
    for (const std::string_view level : split(name, '/')) {
        const auto found = by_name_.find({node, std::string(level)});
        if (found == by_name_.end())
            return nullptr;
        node = found->second;
    }
    return find(node);
}

std::string State::name_of(const MailboxRow& row) const
{
    std::string name = row.leaf;
    const MailboxState* parent = find(row.parent);
    for (std::size_t guard = NameLimits{}.depth; parent && guard > 0; --guard) {
        name.insert(0, parent->row.leaf + '/');
        parent = find(parent->row.parent);
    }
    return name;
}

AclPtr State::acl_of(MailboxId mailbox) const
{
    const auto found = acls.find(mailbox);
    return found == acls.end() ? nullptr : found->second;
}

std::vector<NodeId> State::children_of(NodeId node) const
{
    std::vector<NodeId> children;
    for (auto at = by_name_.lower_bound({node, {}}); at != by_name_.end() && at->first.first == node; ++at)
        children.push_back(at->second);
    return children;
}

std::size_t State::depth_below(NodeId node) const
{
    std::size_t depth = 0;
    for (std::vector<NodeId> level = children_of(node); !level.empty(); ++depth) {
        std::vector<NodeId> next;
        for (const NodeId child : level)
            std::ranges::copy(children_of(child), std::back_inserter(next));
        level = std::move(next);
    }
    return depth;
}

std::size_t State::longest_below(NodeId node) const
{
    std::size_t longest = 0;
    std::vector<std::pair<NodeId, std::size_t>> level{{node, 0}};
    while (!level.empty()) {
        std::vector<std::pair<NodeId, std::size_t>> next;
        for (const auto& [parent, bytes] : level)
            for (const NodeId child : children_of(parent))
                next.emplace_back(child, bytes + (bytes > 0 ? 1 : 0) + find(child)->row.leaf.size());
        for (const auto& [child, bytes] : next)
            longest = std::max(longest, bytes);
        level = std::move(next);
    }
    return longest;
}

void State::put(MailboxRow row)
{
    const NodeId node = row.node;
    MailboxState& mailbox = mailboxes_[node];
    if (mailbox.row.node != 0) {
        by_id_.erase(mailbox.row.mailbox);
        by_name_.erase({mailbox.row.parent, mailbox.row.leaf});
    }
    // Another shelf under the same name: what is in memory is no longer of this mailbox.
    if (mailbox.row.shelf != row.shelf) {
        mailbox.shelf = nullptr;
        mailbox.tail = nullptr;
        mailbox.tail_known = false;
    }
    // A mailbox without messages has no blocks.
    if (row.messages == 0 && !mailbox.shelf && !mailbox.tail)
        mailbox.tail_known = true;
    by_id_[row.mailbox] = node;
    by_name_[{row.parent, row.leaf}] = node;
    mailbox.row = std::move(row);
}

void State::take(NodeId node)
{
    const auto found = mailboxes_.find(node);
    if (found == mailboxes_.end())
        return;
    by_id_.erase(found->second.row.mailbox);
    by_name_.erase({found->second.row.parent, found->second.row.leaf});
    mailboxes_.erase(found);
}

Applied State::apply(Draft draft)
{
    head = draft.head;
    head_value = write_head(head);
    keywords = draft.keywords_;
    for (const auto& [name, on] : draft.subscriptions_)
        on ? (void)subscribed.insert(name) : (void)subscribed.erase(name);
    for (const auto& [id, intent] : draft.intents_)
        intent ? (void)intents.insert_or_assign(id, *intent) : (void)intents.erase(id);
    for (auto& [mailbox, acl] : draft.acls_)
        acl ? (void)acls.insert_or_assign(mailbox, std::move(acl)) : (void)acls.erase(mailbox);

    std::map<NodeId, std::vector<BlockPtr>> blocks;  // adopted ones may lie between changed ones
    auto all = std::move(draft.adopted_);
    for (auto& [key, block] : draft.blocks_)
        all[key] = std::move(block);
    for (auto& [key, block] : all)
        blocks[key.first].push_back(std::move(block));

    Applied applied{.subscriptions = std::move(draft.subscriptions_), .renamed = draft.renamed_};
    for (const auto& [node, mailbox] : draft.taken_) {
        applied.mailboxes.push_back(mailbox);
        if (!draft.rows_.contains(node))
            take(node);
    }
    for (auto& [node, row] : draft.rows_) {
        applied.mailboxes.push_back(row.mailbox);
        MailboxState* known = find(node);
        if (draft.tree_changed_ || !known)
            put(row), known = find(node);
        else
            known->row = row;
        const std::vector<BlockPtr>& of_node = blocks[node];
        if (known->shelf)
            known->shelf->apply(row, keywords, of_node);
        if (!known->tail_known)
            continue;
        const Uid tail = block_of(row.uid_next);
        if (known->tail && known->tail->number != tail)
            known->tail = nullptr;
        for (const BlockPtr& block : of_node)
            if (block->number == tail)
                known->tail = block->entries.empty() ? nullptr : block;
    }
    return applied;
}

Mailbox State::describe(const MailboxRow& row, std::string name) const
{
    Mailbox mailbox{.id = row.mailbox, .name = std::move(name), .uid_validity = row.uid_validity};
    mailbox.special_use = row.special_use;
    mailbox.subscribed = subscribed.contains(mailbox.name);
    mailbox.selectable = row.selectable;
    mailbox.uid_next = row.uid_next;
    mailbox.messages = row.messages;
    mailbox.unseen = row.unseen;
    mailbox.deleted = row.deleted;
    mailbox.size = row.bytes;
    mailbox.highest_modseq = row.highest_modseq;
    mailbox.shelf = row.shelf;
    mailbox.acl = acl_of(row.mailbox);
    return mailbox;
}

}  // namespace posthouse::mailbox
