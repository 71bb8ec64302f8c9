#include "mailbox/change_requests.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

std::optional<Need> whole(const State& state, MailboxId mailbox)
{
    const MailboxState* found = state.find_mailbox(mailbox);
    if (!found || found->has(Depth::whole))
        return std::nullopt;
    return Need{found->row.node, Depth::whole};
}

std::optional<Need> tail(const State& state, MailboxId mailbox)
{
    const MailboxState* found = state.find_mailbox(mailbox);
    if (!found || found->has(Depth::tail))
        return std::nullopt;
    return Need{found->row.node, Depth::tail};
}

const MailboxState* usable(const State& state, MailboxId mailbox)
{
    const MailboxState* found = state.find_mailbox(mailbox);
    return found && found->row.selectable ? found : nullptr;
}

SnapshotPtr snapshot_of(const State& state, MailboxId mailbox)
{
    const MailboxState* found = state.find_mailbox(mailbox);
    return found && found->shelf ? found->shelf->current() : nullptr;
}

constexpr std::string_view no_such_mailbox = "no such mailbox";

bool out_of_uids(const MailboxRow& row, std::uint64_t more)
{
    return row.uid_next + more > std::numeric_limits<Uid>::max();
}

}  // namespace

template <class Visit>
std::optional<Uid> visit_entries(const Draft& draft, NodeId node, const std::optional<NumberSet>& uids, Uid from,
                                 Visit visit)
{
    const MailboxState& mailbox = *draft.state().find(node);
    // What the round has added lies in blocks from the state's last one on.
    std::vector<Uid> numbers;
    for (const BlockPtr& block : mailbox.shelf->blocks())
        if (block->number >= block_of(from))
            numbers.push_back(block->number);
    for (Uid number = block_of(mailbox.row.uid_next); number <= block_of(draft.row(node).uid_next); ++number)
        if (numbers.empty() || numbers.back() < number)
            numbers.push_back(number);
    for (const Uid number : numbers) {
        const Uid first = number * block_span;
        if (uids && !uids->overlaps({first, first + (block_span - 1)}))
            continue;
        const Block* block = draft.block(node, number);
        if (!block)
            continue;
        const std::vector<Entry> entries = block->entries;  // visit() may change the block
        for (const Entry& entry : entries)
            if (entry.uid >= from && (!uids || uids->contains(entry.uid)) && !visit(entry))
                return entry.uid;
    }
    return std::nullopt;
}

// ---- STORE

std::optional<Need> StoreRequest::need(const State& state) const { return whole(state, mailbox_); }

Planned StoreRequest::plan(Draft& draft)
{
    const MailboxState* mailbox = usable(draft.state(), mailbox_);
    if (!mailbox)
        return refuse(ErrorCode::not_found, std::string(no_such_mailbox));
    const NodeId node = mailbox->row.node;
    const Cost least = draft.cost_of_row(node) + Cost{1, largest_block};
    if (!draft.fits(least))
        return Planned::full;
    const auto learn = change_.change == FlagChange::remove ? Draft::Learn::no : Draft::Learn::yes;
    const auto bits = draft.bits_of(change_.flags, learn);
    if (!bits)
        return refused(bits.error());
    planned_ = {};
    const auto rest = visit_entries(draft, node, change_.uids, from_, [&](const Entry& entry) {
        if (change_.unchanged_since && entry.modseq > *change_.unchanged_since) {
            planned_.modified.add(entry.uid);
            return true;
        }
        FlagBits flags = change_.change == FlagChange::replace ? *bits
            : change_.change == FlagChange::add                ? entry.flags | *bits
                                                               : entry.flags.without(*bits);
        flags = flags.without(change_.kept) | entry.flags.without(entry.flags.without(change_.kept));
        if (flags == entry.flags)
            return true;
        if (!draft.fits(draft.cost_of_row(node) + draft.cost_of_block(node, block_of(entry.uid))))
            return false;
        draft.set_flags(node, entry.uid, flags);
        return true;
    });
    planned_from_ = rest.value_or(0);
    return rest ? Planned::part : Planned::all;
}

void StoreRequest::landed(const State& state)
{
    for (const NumberRange& range : planned_.modified.ranges())
        stored_.modified.add(range);
    from_ = planned_from_;
    stored_.snapshot = snapshot_of(state, mailbox_);
    result_ = stored_;
}

// ---- EXPUNGE

std::optional<Need> ExpungeRequest::need(const State& state) const { return whole(state, mailbox_); }

Planned ExpungeRequest::plan(Draft& draft)
{
    const MailboxState* mailbox = usable(draft.state(), mailbox_);
    if (!mailbox)
        return refuse(ErrorCode::not_found, std::string(no_such_mailbox));
    const NodeId node = mailbox->row.node;
    planned_ = {};
    bool nothing = true;
    const auto rest = visit_entries(draft, node, uids_, from_, [&](const Entry& entry) {
        if (which_ == Account::Which::marked_deleted && !entry.flags.has(SystemFlag::deleted))
            return true;
        if (!draft.fits(draft.cost_of_row(node) + draft.cost_of_block(node, block_of(entry.uid)) +
                        Draft::cost_of_removal))
            return false;
        draft.remove(node, entry.uid, Draft::Leaves::for_good);
        planned_.add(entry.uid);
        nothing = false;
        return true;
    });
    planned_from_ = rest.value_or(0);
    if (!rest)
        return Planned::all;
    return nothing ? Planned::full : Planned::part;
}

void ExpungeRequest::landed(const State& state)
{
    for (const NumberRange& range : planned_.ranges())
        expunged_.add(range);
    from_ = planned_from_;
    result_ = Expunged{expunged_, snapshot_of(state, mailbox_)};
}

// ---- MOVE

void Pairs::add(const Pairs& more)
{
    from.insert(from.end(), more.from.begin(), more.from.end());
    to.insert(to.end(), more.to.begin(), more.to.end());
}

Copied Pairs::answer(UidValidity uid_validity) const
{
    Copied copied{.uid_validity = uid_validity, .to = to};
    for (const Uid uid : from)
        copied.from.add(uid);
    return copied;
}

std::optional<Need> MoveRequest::need(const State& state) const
{
    const auto source = whole(state, from_mailbox_);
    return source ? source : tail(state, to_mailbox_);
}

Planned MoveRequest::plan(Draft& draft)
{
    const MailboxState* source = usable(draft.state(), from_mailbox_);
    const MailboxState* target = usable(draft.state(), to_mailbox_);
    if (!source || !target)
        return refuse(ErrorCode::not_found, std::string(no_such_mailbox));
    const NodeId from = source->row.node;
    const NodeId to = target->row.node;
    if (!before_)
        before_ = draft.row(from).uid_next;
    planned_ = {};
    bool out = false;
    const auto rest = visit_entries(draft, from, uids_, from_, [&](const Entry& entry) {
        if (entry.uid >= *before_)
            return true;
        out = out_of_uids(draft.row(to), 1);
        const Cost cost = draft.cost_of_row(from) + draft.cost_of_block(from, block_of(entry.uid)) +
            Draft::cost_of_removal + draft.cost_of_append(to);
        if (out || !draft.fits(cost))
            return false;
        draft.remove(from, entry.uid, Draft::Leaves::for_elsewhere);
        Entry moved = entry;
        moved.save_date = draft.now();
        planned_.from.push_back(entry.uid);
        planned_.to.push_back(draft.append(to, moved));
        return true;
    });
    if (out && planned_.from.empty())
        return refuse(ErrorCode::limit, "the mailbox has given out its last UID");
    planned_from_ = rest.value_or(0);
    if (!rest)
        return Planned::all;
    return planned_.from.empty() ? Planned::full : Planned::part;
}

void MoveRequest::landed(const State& state)
{
    moved_.add(planned_);
    from_ = planned_from_;
    const MailboxState* target = state.find_mailbox(to_mailbox_);
    result_ = moved_.answer(target ? target->row.uid_validity : 0);
    result_->snapshot = snapshot_of(state, from_mailbox_);
}

// ---- COPY

std::optional<CopyRequest::Way> CopyRequest::way(const State& state) const
{
    const MailboxState* source = usable(state, from_);
    const MailboxState* target = usable(state, to_);
    if (!source || !target)
        return std::nullopt;
    return Way{source->row.node, target->row.node};
}

std::optional<Need> CopyRequest::need(const State& state) const
{
    const auto source = whole(state, from_);
    return source ? source : tail(state, to_);
}

std::vector<Entry> CopyRequest::entries(const Draft& draft, NodeId from) const
{
    std::vector<Entry> entries;
    visit_entries(draft, from, uids_, 0, [&entries](const Entry& entry) {
        entries.push_back(entry);
        return true;
    });
    return entries;
}

std::optional<Error> CopyRequest::objection(const Draft& draft, NodeId to, std::span<const Entry> entries) const
{
    if (out_of_uids(draft.row(to), entries.size()))
        return Error{ErrorCode::limit, "the mailbox has given out its last UID"};
    std::uint64_t bytes = draft.head.bytes;
    bool over = false;
    for (const Entry& entry : entries)
        over |= __builtin_add_overflow(bytes, entry.size, &bytes);
    if (over || (limit_bytes_ != 0 && bytes > limit_bytes_))
        return Error{ErrorCode::over_quota, "the mailbox is full"};
    return std::nullopt;
}

Planned CopyRequest::plan(Draft& draft)
{
    const auto way = this->way(draft.state());
    if (!way)
        return refuse(ErrorCode::not_found, std::string(no_such_mailbox));
    const std::vector<Entry> entries = this->entries(draft, way->from);
    if (auto error = entries.empty() ? std::nullopt : objection(draft, way->to, entries))
        return refused(*std::move(error));
    const std::size_t blocks = entries.size() / block_span + 2;
    const Cost cost = draft.cost_of_row(way->to) + Cost{entries.size(), entries.size() * 32} +
        Cost{blocks, blocks * (largest_block + 16)};
    if (!draft.fits_alone(cost))
        return Planned::alone;
    if (!draft.fits(cost))
        return Planned::full;
    Pairs pairs;
    for (Entry entry : entries) {
        entry.save_date = draft.now();
        pairs.from.push_back(entry.uid);
        pairs.to.push_back(draft.append(way->to, entry));
    }
    if (!entries.empty())
        draft.purpose = store::Purpose::intake;
    result_ = pairs.answer(draft.row(way->to).uid_validity);
    return Planned::all;
}

void CopyRequest::landed(const State& state)
{
    if (result_)
        result_->snapshot = snapshot_of(state, from_);
}

}  // namespace posthouse::mailbox
