#include "mailbox/draft.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

// Set aside for the head (twice: its check), the keywords, vanished and released rows' keys.
constexpr Cost always{12, 24 * 1024};
constexpr std::size_t row_bytes = 500;  // of a mailbox row and its key

// RFC 3501 section 9, flag-keyword: an atom.
bool is_keyword(std::string_view name)
{
    return !name.empty() && name.size() <= longest_keyword && std::ranges::all_of(name, [](char c) {
        return c > ' ' && c < '\x7f' && std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
    });
}

}  // namespace

Draft::Draft(const State& state, const store::Limits& limits, WallTime now) :
    head(state.head), state_(&state), limits_(limits), now_(now), spent_(always), keywords_(state.keywords)
{
    ++head.modseq;
}

bool Draft::fits(Cost cost) const
{
    const Cost sum = spent_ + cost;
    return sum.operations <= limits_.batch_operations && sum.bytes <= limits_.batch_bytes;
}

bool Draft::fits_alone(Cost cost) const
{
    const Cost sum = always + cost;
    return sum.operations <= limits_.batch_operations && sum.bytes <= limits_.batch_bytes;
}

Cost Draft::cost_of_block(NodeId node, Uid number) const
{
    return blocks_.contains({node, number}) ? Cost{} : Cost{1, largest_block + 16};
}

Cost Draft::cost_of_row(NodeId node) const { return rows_.contains(node) ? Cost{} : Cost{3, row_bytes}; }

Cost Draft::cost_of_append(NodeId node) const
{
    return cost_of_row(node) + cost_of_block(node, block_of(row(node).uid_next)) + Cost{1, 32};
}

const MailboxRow& Draft::row(NodeId node) const
{
    const auto changed = rows_.find(node);
    return changed == rows_.end() ? state_->find(node)->row : changed->second;
}

MailboxRow& Draft::change(NodeId node)
{
    changed_ = true;
    auto at = rows_.find(node);
    if (at == rows_.end()) {
        spend(cost_of_row(node));
        at = rows_.emplace(node, state_->find(node)->row).first;
    }
    at->second.highest_modseq = modseq();
    return at->second;
}

const Block* Draft::block(NodeId node, Uid number) const
{
    const auto changed = blocks_.find({node, number});
    return changed == blocks_.end() ? state_->find(node)->block(number) : changed->second.get();
}

Result<FlagBits> Draft::bits_of(const std::vector<std::string>& names, Learn learn)
{
    FlagBits bits;
    std::shared_ptr<KeywordTable> table;  // once something is learnt
    for (const std::string& name : names) {
        if (const auto flag = system_flag(name)) {
            bits.add(*flag);
            continue;
        }
        if (!is_keyword(name))
            return fail(ErrorCode::malformed, "'" + printable(name, 80) + "' cannot be a flag");
        const KeywordTable& known = table ? *table : *keywords_;
        if (const auto bit = known.bit_of(name)) {
            bits.add(*bit);
        } else if (learn == Learn::yes) {
            if (known.names.size() >= most_keywords)
                return fail(ErrorCode::limit, fmt::format("an account has at most {} keywords", most_keywords));
            if (!table)
                table = std::make_shared<KeywordTable>(*keywords_);
            bits.add(system_flags + table->names.size());
            table->names.push_back(name);
        }
    }
    if (table) {
        keywords_ = std::move(table);
        keywords_changed_ = true;
    }
    return bits;
}

Uid Draft::append(NodeId node, Entry entry)
{
    MailboxRow& row = change(node);
    entry.uid = row.uid_next++;
    entry.modseq = modseq();
    Block& block = change_block(node, block_of(entry.uid));
    block.entries.push_back(entry);
    block.highest_modseq = modseq();
    count(node, entry, 1);
    head.last_id = std::max(head.last_id, entry.email);
    email_in_.push_back(email_in_key(entry.email, row.shelf, entry.uid));
    spend({1, email_in_.back().size() + 1});
    return entry.uid;
}

void Draft::set_flags(NodeId node, Uid uid, FlagBits flags)
{
    change(node);
    Block& block = change_block(node, block_of(uid));
    Entry& entry = *std::ranges::lower_bound(block.entries, uid, {}, &Entry::uid);
    count(node, entry, -1);
    entry.flags = flags;
    entry.modseq = modseq();
    block.highest_modseq = modseq();
    count(node, entry, 1);
}

void Draft::remove(NodeId node, Uid uid, Leaves leaves)
{
    const MailboxRow& row = change(node);
    Block& block = change_block(node, block_of(uid));
    const auto entry = std::ranges::lower_bound(block.entries, uid, {}, &Entry::uid);
    count(node, *entry, -1);
    gone_[row.mailbox].messages.emplace_back(uid, entry->email);
    if (leaves == Leaves::for_good)
        released_.push_back(entry->email);
    // What this very batch added was never there.
    store::Key key = email_in_key(entry->email, row.shelf, uid);
    if (uid < state_->find(node)->row.uid_next || std::erase(email_in_, key) == 0)
        erase(std::move(key));
    spend({0, cost_of_removal.bytes});
    block.entries.erase(entry);
    block.highest_modseq = modseq();
}

void Draft::put(store::Key key, std::string value, store::Space space)
{
    changed_ = true;
    spend({1, key.size() + value.size()});
    batch_.puts.push_back({std::move(key), std::move(value), space});
}

void Draft::erase(store::Key key, store::Space space)
{
    changed_ = true;
    spend({1, key.size()});
    batch_.erases.push_back({std::move(key), space});
}

void Draft::erase_range(store::Range range)
{
    changed_ = true;
    spend({1, range.from.size() + range.until.size()});
    batch_.erase_ranges.push_back({std::move(range.from), std::move(range.until)});
}

void Draft::adopt(NodeId node, BlockPtr block)
{
    MailboxRow& row = change(node);
    for (const Entry& entry : block->entries) {
        count(node, entry, 1);
        row.uid_next = entry.uid + 1;
    }
    adopted_[{node, block->number}] = std::move(block);
}

void Draft::put_mailbox(MailboxRow row)
{
    changed_ = tree_changed_ = true;
    spend({3, row_bytes + row.leaf.size()});
    const bool is_new = !state_->find_mailbox(row.mailbox);
    if (const MailboxState* before = state_->find(row.node))
        renamed_ |= before->row.parent != row.parent || before->row.leaf != row.leaf;
    row.changed = modseq();
    row.highest_modseq = modseq();
    head.last_id = std::max({head.last_id, row.node, row.mailbox, row.shelf});
    put(change_key(ObjectType::mailbox, row.mailbox),
        write_change({is_new ? Change::created : Change::changed, modseq()}));
    rows_.insert_or_assign(row.node, std::move(row));
}

void Draft::take_mailbox(NodeId node)
{
    tree_changed_ = true;
    const MailboxId mailbox = row(node).mailbox;
    put(change_key(ObjectType::mailbox, mailbox), write_change({Change::destroyed, modseq()}));
    if (state_->acl_of(mailbox))
        set_acl(mailbox, {});
    erase_range(metadata_of(mailbox));
    rows_.erase(node);
    taken_[node] = mailbox;
}

void Draft::subscribe(const std::string& name, bool on)
{
    tree_changed_ = true;
    if (on)
        put(subscribed_key(name), write_mark());
    else
        erase(subscribed_key(name));
    subscriptions_[name] = on;
}

void Draft::set_acl(MailboxId mailbox, Acl acl)
{
    if (acl.empty()) {
        erase(acl_key(mailbox));
        acls_[mailbox] = nullptr;
    } else {
        put(acl_key(mailbox), write_acl(acl));
        acls_[mailbox] = std::make_shared<const Acl>(std::move(acl));
    }
}

void Draft::open_intent(Id id, const IntentRow& intent)
{
    put(intent_key(id), write_intent(intent));
    intents_[id] = intent;
}

void Draft::close_intent(Id id)
{
    erase(intent_key(id));
    intents_[id] = std::nullopt;
}

UidValidity Draft::new_uid_validity()
{
    // By the clock, so that it rises also over a restored backup; never the same twice.
    const auto now = std::chrono::floor<std::chrono::seconds>(now_).time_since_epoch().count();
    const auto by_clock = static_cast<UidValidity>(std::clamp<std::int64_t>(now, 1, 0x7fffffff));
    return head.last_uid_validity = std::max(head.last_uid_validity + 1, by_clock);
}

store::Batch Draft::finish(store::Partition partition, store::CommitId id)
{
    store::Batch batch = std::move(batch_);
    batch.partition = partition;
    batch.id = id;
    batch.purpose = purpose;
    batch.checks.push_back({head_key(), state_->head_value.empty() ? std::nullopt : std::optional(state_->head_value)});
    batch.puts.push_back({head_key(), write_head(head)});
    for (store::Key& key : email_in_)
        batch.puts.push_back({std::move(key), write_mark()});
    if (keywords_changed_)
        batch.puts.push_back({keywords_key(), write_keywords(*keywords_)});
    for (const auto& [node, mailbox] : taken_)
        batch.erases.push_back({mailbox_key(node)});  // before the puts: the node may be taken again
    for (const auto& [node, row] : rows_)
        batch.puts.push_back({mailbox_key(node), write_mailbox(row)});
    write_blocks(batch);
    write_gone(batch);
    return batch;
}

Block& Draft::change_block(NodeId node, Uid number)
{
    const BlockKey key{node, number};
    auto at = blocks_.find(key);
    if (at == blocks_.end()) {
        spend(cost_of_block(node, number));
        auto block = std::make_shared<Block>();
        block->number = number;
        if (const Block* before = state_->find(node)->block(number)) {
            block->entries.reserve(std::min<std::size_t>(block_span, before->entries.size() + 16));
            block->entries = before->entries;
            block->highest_modseq = before->highest_modseq;
        }
        at = blocks_.emplace(key, std::move(block)).first;
    }
    return *at->second;
}

void Draft::count(NodeId node, const Entry& entry, int sign)
{
    MailboxRow& row = rows_.at(node);
    const auto step = static_cast<std::uint32_t>(sign);
    row.messages += step;
    row.unseen += entry.flags.has(SystemFlag::seen) ? 0 : step;
    row.deleted += entry.flags.has(SystemFlag::deleted) ? step : 0;
    const std::uint64_t bytes = sign > 0 ? entry.size : 0 - entry.size;
    row.bytes += bytes;
    head.bytes += bytes;
    head.messages += static_cast<std::uint64_t>(static_cast<std::int64_t>(sign));
}

void Draft::write_blocks(store::Batch& batch) const
{
    for (const auto& [key, block] : blocks_) {
        const store::Key row = block_key(this->row(key.first).shelf, key.second);
        if (block->entries.empty())
            batch.erases.push_back({row});
        else
            batch.puts.push_back({row, write_block(*block)});
    }
}

void Draft::write_gone(store::Batch& batch) const
{
    for (const auto& [mailbox, gone] : gone_) {
        auto messages = gone.messages;
        std::ranges::sort(messages);
        VanishedRow vanished;
        for (const auto& [uid, email] : messages) {
            vanished.uids.add(uid);
            vanished.emails.push_back(email);
        }
        batch.puts.push_back({vanished_key(mailbox, modseq()), write_vanished(vanished)});
    }
    if (!released_.empty())
        batch.puts.push_back({release_key(now_, modseq(), 0), write_release(released_)});
}

}  // namespace posthouse::mailbox
