#include "mailbox/file_request.h"

#include <algorithm>
#include <cstring>

namespace posthouse::mailbox {

std::size_t Recent::Hash::operator()(const MessageIdHash& hash) const
{
    std::size_t value;
    std::memcpy(&value, hash.data(), sizeof value);
    return value;
}

std::optional<ThreadId> Recent::thread_of(std::span<const MessageIdHash> names) const
{
    for (const MessageIdHash& name : names) {
        for (const Generation* generation : {&young_, &old_}) {
            const auto found = generation->threads.find(name);
            if (found != generation->threads.end())
                return found->second;
        }
    }
    return std::nullopt;
}

const Filed* Recent::filed(Id delivery) const
{
    for (const Generation* generation : {&young_, &old_}) {
        const auto found = generation->filed.find(delivery);
        if (found != generation->filed.end())
            return &found->second;
    }
    return nullptr;
}

void Recent::learn(const PreparedFiling& filing, ThreadId thread, const Filed& filed)
{
    for (const MessageIdHash& name : filing.names)
        young_.threads.try_emplace(name, thread);
    if (filing.delivery != 0)
        young_.filed.try_emplace(filing.delivery, filed);
}

void Recent::forget(std::uint64_t now)
{
    young_ = old_ = {};
    young_.begun = remembers_from_ = now;
}

void Recent::turn(std::uint64_t now)
{
    constexpr std::size_t much = 1000;
    if (young_.threads.size() < much && young_.filed.size() < much)
        return;
    remembers_from_ = young_.begun;
    old_ = std::exchange(young_, {});
    young_.begun = now;
}

std::optional<Need> FileRequest::need(const State& state) const
{
    const auto places = this->places(state);
    if (places)
        for (const Place& place : *places)
            if (!state.find(place.node)->has(Depth::tail))
                return Need{place.node, Depth::tail};
    if (filing_.replaces) {
        const MailboxState* source = state.find_mailbox(filing_.replaces->first);
        if (source && !source->has(Depth::whole))
            return Need{source->row.node, Depth::whole};
    }
    return std::nullopt;
}

Result<std::vector<FileRequest::Place>> FileRequest::places(const State& state) const
{
    std::vector<Place> places;
    for (const Placement& placement : filing_.placements) {
        const MailboxState* mailbox =
            placement.mailbox != 0 ? state.find_mailbox(placement.mailbox) : state.find_name(placement.name);
        const bool usable = mailbox && mailbox->row.selectable;
        if (!usable && placement.mailbox != 0)
            return fail(ErrorCode::not_found, "no such mailbox");
        if (!usable)
            mailbox = state.inbox();
        if (!mailbox)
            return fail(ErrorCode::corrupt, "an account without INBOX");
        const auto same = std::ranges::find(places, mailbox->row.node, &Place::node);
        if (same == places.end())
            places.push_back({mailbox->row.node, placement.flags});
        else
            same->flags.insert(same->flags.end(), placement.flags.begin(), placement.flags.end());
    }
    return places;
}

Cost cost_of_rows(const PreparedFiling& filing)
{
    constexpr std::size_t around_a_row = 64;
    return {4 + filing.names.size(),
            filing.email_row.size() + (filing.body ? filing.body->size() : 0) +
                (4 + 2 * filing.names.size()) * around_a_row};
}

Cost FileRequest::cost(const Draft& draft, std::span<const Place> places) const
{
    constexpr std::size_t around_a_place = 64;
    Cost cost = cost_of_rows(filing_) + Cost{0, places.size() * around_a_place};
    for (const Place& place : places)
        cost += draft.cost_of_append(place.node);
    if (filing_.replaces)
        if (const MailboxState* source = draft.state().find_mailbox(filing_.replaces->first))
            cost += draft.cost_of_row(source->row.node) +
                draft.cost_of_block(source->row.node, block_of(filing_.replaces->second)) + Draft::cost_of_removal;
    return cost;
}

namespace {

// RFC 8508: who is replaced must be there, and goes when the new one comes.
struct Replaced {
    const MailboxState* source;
    std::uint64_t size;
};

std::optional<Replaced> replaced_in(const Draft& draft, const PreparedFiling& filing)
{
    const MailboxState* source = draft.state().find_mailbox(filing.replaces->first);
    const Uid uid = filing.replaces->second;
    const Block* block = source ? draft.block(source->row.node, block_of(uid)) : nullptr;
    if (!block)
        return std::nullopt;
    const auto entry = std::ranges::lower_bound(block->entries, uid, {}, &Entry::uid);
    if (entry == block->entries.end() || entry->uid != uid)
        return std::nullopt;
    return Replaced{source, entry->size};
}

}  // namespace

Planned FileRequest::plan(Draft& draft)
{
    if (const Filed* before = filing_.delivery != 0 ? recent_.filed(filing_.delivery) : nullptr) {
        result_ = *before;
        result_->was_filed_before = true;
        return Planned::all;
    }
    if (filing_.delivery != 0 && filing_.read_at < recent_.remembers_from())
        return refuse(ErrorCode::conflict, "the delivery's row must be read again");
    if (filing_.delivery != 0 && draft.deliveries.contains(filing_.delivery))
        return Planned::full;  // the same delivery is in this very batch: wait how it ends
    auto places = this->places(draft.state());
    if (!places)
        return refused(std::move(places.error()));
    const std::optional<Replaced> replaced = filing_.replaces ? replaced_in(draft, filing_) : std::nullopt;
    if (filing_.replaces && !replaced)
        return refuse(ErrorCode::not_found, "the message that was to be replaced is gone");
    std::uint64_t bytes = 0;
    const std::uint64_t freed = replaced ? replaced->size : 0;
    if (__builtin_mul_overflow(filing_.size, places->size(), &bytes))
        return refuse(ErrorCode::over_quota, "the mailbox is full");
    const std::uint64_t more = bytes > freed ? bytes - freed : 0;  // RFC 8508 section 3.4: what it takes in all
    if (__builtin_add_overflow(more, draft.head.bytes, &bytes) ||
        (filing_.limit_bytes != 0 && more > 0 && bytes > filing_.limit_bytes))
        return refuse(ErrorCode::over_quota, "the mailbox is full");
    for (const Place& place : *places)
        if (draft.row(place.node).uid_next == std::numeric_limits<Uid>::max() ||
            draft.row(place.node).messages >= std::numeric_limits<std::uint32_t>::max() - 1)
            return refuse(ErrorCode::limit, "the mailbox has given out its last UID");
    if (!draft.fits(cost(draft, *places)))
        return Planned::full;

    std::vector<std::string> flags;
    for (const Place& place : *places)
        flags.insert(flags.end(), place.flags.begin(), place.flags.end());
    if (auto learnt = draft.bits_of(flags, Draft::Learn::yes); !learnt)
        return refused(std::move(learnt.error()));
    Filed filed{.email = filing_.email};
    for (std::size_t i = 0; i < places->size(); ++i) {
        const NodeId node = (*places)[i].node;
        const Uid uid = draft.append(node,
                                     {.email = filing_.email,
                                      .flags = *draft.bits_of((*places)[i].flags, Draft::Learn::no),
                                      .internal_date = filing_.internal_date,
                                      .save_date = draft.now(),
                                      .size = filing_.size});
        filed.places.push_back({draft.row(node).mailbox, draft.row(node).uid_validity, uid});
    }
    result_ = std::move(filed);
    if (!filing_.accepted)
        draft.purpose = store::Purpose::intake;
    if (replaced)
        draft.remove(replaced->source->row.node, filing_.replaces->second, Draft::Leaves::for_good);
    thread_ = write_rows(draft, filing_, recent_);
    if (filing_.delivery != 0) {
        draft.deliveries.insert(filing_.delivery);
        draft.put(delivered_key(filing_.delivery), write_delivered({draft.now(), *result_}));
    }
    return Planned::all;
}

ThreadId write_rows(Draft& draft, const PreparedFiling& filing, const Recent& recent)
{
    // A message and the answer to it may arrive in one breath: then the store did not know yet.
    std::optional<ThreadId> known = filing.thread ? filing.thread : recent.thread_of(filing.names);
    for (auto name = filing.names.begin(); name != filing.names.end() && !known; ++name)
        if (const auto named = draft.threads.find(*name); named != draft.threads.end())
            known = named->second;
    const ThreadId thread = known.value_or(filing.email);
    for (const MessageIdHash& name : filing.names)
        draft.threads.try_emplace(name, thread);
    std::string row = filing.email_row;
    set_thread(row, thread);
    draft.put(email_key(filing.email), std::move(row));
    if (filing.body)
        draft.put(email_key(filing.email), *filing.body, store::Space::bodies);
    draft.put(thread_key(thread, filing.email), write_member(filing.names));
    for (const MessageIdHash& name : filing.unknown_names)
        draft.put(message_id_key(name), write_message_id(thread));
    return thread;
}

void FileRequest::landed(const State&)
{
    if (thread_ != 0)
        recent_.learn(filing_, thread_, *result_);
}

}  // namespace posthouse::mailbox
