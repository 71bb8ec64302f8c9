#include "mta/queue/ledger.h"

#include "mta/queue/outcome.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr auto commit_patience = 30s;
constexpr auto pause_after_failure = 100ms;
constexpr auto longest_pause = 5s;
constexpr std::size_t most_together = 500;

std::size_t gone_in(const Settlement& settlement)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(settlement.changes, [](const auto& change) { return !change.entry; }));
}

}  // namespace

WorkPtr work_of(Accepted accepted)
{
    auto work = std::make_shared<Work>();
    work->item = std::move(accepted.item);
    work->entries = std::move(accepted.entries);
    return work;
}

void prepare(Accepted& accepted, IdSource& ids, const Policies& policies, const QueueClock& time)
{
    Item& item = accepted.item;
    item.accepted = time.now();
    WallTime due = item.accepted;
    if (item.envelope.hold_until)
        due = std::max(due, time.from_wall(*item.envelope.hold_until));
    item.accepted = due;  // what was to be held is not late for that
    item.next_event = never;
    for (std::size_t i = 0; i < accepted.entries.size(); ++i) {
        Entry& entry = accepted.entries[i];
        entry.item = item.id;
        entry.index = static_cast<std::uint16_t>(i);
        entry.delivery = ids.next();
        entry.due = due;
        item.next_event = std::min(item.next_event, next_event(item, entry, *policies.of(entry.lane())));
    }
}

Task<Result<void>> hold_blob(store::Blobs& blobs, const Clock& clock, Item item)
{
    if (item.blob == 0)
        co_return Result<void>{};
    co_return co_await blobs.add_reference(item.blob, holder_of(item.id), Deadline::in(clock, commit_patience));
}

void put_accepted(store::Batch& batch, const Item& item, const std::vector<Entry>& entries, const Letter& letter)
{
    batch.puts.push_back({item_key(item.id), write_item(item)});
    if (item.blob == 0)
        batch.puts.push_back(
            {body_key(item.id), letter.content.bytes ? *letter.content.bytes : std::string(), store::Space::bodies});
    batch.puts.push_back({event_key(item.next_event, item.id), {}});
    for (const Entry& entry : entries) {
        batch.puts.push_back({entry_key(item.id, entry.index), write_entry(entry)});
        batch.puts.push_back({waiting_key(entry), {}});
    }
}

void Ledger::hand_in(Settlement settlement) { enter({std::move(settlement), std::nullopt, false}); }

Promise<bool> Ledger::hand_in_and_tell(Settlement settlement)
{
    Promise<bool> written;
    enter({std::move(settlement), written, false});
    return written;
}

std::size_t Ledger::waiting() const
{
    const std::scoped_lock lock(mutex_);
    return waiting_.size();
}

bool Ledger::is_idle() const
{
    const std::scoped_lock lock(mutex_);
    return waiting_.empty() && !writing_;
}

void Ledger::enter(Entered entered)
{
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(entered));
        if (std::exchange(writing_, true))
            return;
    }
    services_.tasks.spawn(services_.loops[shard_], "queue ledger", write());
}

Task<void> Ledger::write()
{
    for (;;) {
        store::Batch batch;
        batch.partition = {store::PartitionKind::queue, shard_};
        batch.id = services_.ids.next();
        batch.purpose = store::Purpose::upkeep;
        std::vector<Entered> taken = take_batch(batch);
        if (taken.empty())
            co_return;
        const bool landed = co_await commit(std::move(batch));
        if (!landed) {  // at the end: the rows stay as they are, and come up again at the next start
            for (const Entered& each : taken)
                if (each.written)
                    each.written->fulfil(false);
            continue;
        }
        for (Entered& each : taken)
            finish(each);
    }
}

// In a batch puts win over erases, whatever their order. So an item's own row and its end never come
// together in one: what has a new event for the item goes alone.
std::vector<Ledger::Entered> Ledger::take_batch(store::Batch& batch)
{
    const store::Limits& limits = services_.store.limits();
    std::vector<Entered> taken;
    std::vector<Entered> left;
    std::unordered_map<ItemId, bool> items;  // in the batch; true: with an event
    std::size_t bytes = 0;
    const std::scoped_lock lock(mutex_);
    for (Entered& each : waiting_) {
        const bool has_event = each.settlement.next_event.has_value();
        const auto same = items.find(each.settlement.work->item.id);
        const bool clashes = same != items.end() && (same->second || has_event);
        const bool full = taken.size() >= most_together || batch.operations() >= limits.batch_operations / 2;
        store::Batch part;
        if (!clashes && !full)
            put(part, each);
        const bool fits = batch.operations() + part.operations() <= limits.batch_operations &&
            bytes + part.bytes() <= limits.batch_bytes;
        if (clashes || full || (!fits && !taken.empty())) {
            left.push_back(std::move(each));
            continue;
        }
        bytes += part.bytes();
        std::ranges::move(part.puts, std::back_inserter(batch.puts));
        std::ranges::move(part.erases, std::back_inserter(batch.erases));
        items[each.settlement.work->item.id] = has_event;
        each.settlement.work->left -= gone_in(each.settlement);
        taken.push_back(std::move(each));
    }
    waiting_ = std::move(left);
    writing_ = !taken.empty();
    return taken;
}

void Ledger::put(store::Batch& batch, Entered& entered)
{
    Settlement& settlement = entered.settlement;
    Work& work = *settlement.work;
    for (const Settlement::Change& change : settlement.changes) {
        const Entry& before = work.entries[change.at];
        batch.erases.push_back({waiting_key(before)});
        if (change.entry) {
            batch.puts.push_back({entry_key(before.item, before.index), write_entry(*change.entry)});
            batch.puts.push_back({waiting_key(*change.entry), {}});
        } else {
            batch.erases.push_back({entry_key(before.item, before.index)});
        }
    }
    entered.ends_item = work.left == gone_in(settlement);
    if (entered.ends_item) {
        batch.erases.push_back({item_key(work.item.id)});
        batch.erases.push_back({body_key(work.item.id), store::Space::bodies});
        batch.erases.push_back({event_key(work.next_event, work.item.id)});
    } else if (settlement.next_event && *settlement.next_event != work.next_event) {
        Item item = work.item;
        item.next_event = *settlement.next_event;
        batch.erases.push_back({event_key(work.next_event, item.id)});
        batch.puts.push_back({item_key(item.id), write_item(item)});
        batch.puts.push_back({event_key(item.next_event, item.id), {}});
    }
    for (const Accepted& notice : settlement.notices)
        put_accepted(batch, notice.item, notice.entries, notice.letter);
}

Task<bool> Ledger::commit(store::Batch batch)
{
    Duration pause = pause_after_failure;
    for (;;) {
        const store::Outcome outcome =
            co_await store::commit_surely(services_.store, batch, Deadline::in(services_.clock, commit_patience));
        if (outcome == store::Outcome::ok)
            co_return true;
        services_.log.write(LogLevel::error, "mta/queue", 0, "could not write what was done; trying again",
                            {{"why", std::string(store::to_string(outcome))}});
        if (stopping_)
            co_return false;
        co_await sleep_for(pause);
        pause = std::min<Duration>(pause * 2, longest_pause);
        batch.id = services_.ids.next();
    }
}

void Ledger::finish(Entered& entered)
{
    Settlement& settlement = entered.settlement;
    const WorkPtr work = settlement.work;
    if (settlement.next_event && !entered.ends_item) {
        services_.board.set_event(work, *settlement.next_event);
        services_.board.expect_event(shard_, *settlement.next_event);
    }
    for (Settlement::Change& change : settlement.changes) {
        if (change.entry)
            services_.board.changed(work, change.at, std::move(*change.entry));
        else
            services_.board.gone(work, change.at);
    }
    for (Accepted& accepted : settlement.notices) {
        Letter letter = std::move(accepted.letter);
        const WorkPtr notice = work_of(std::move(accepted));
        services_.board.enter(notice);
        services_.board.expect_event(shard_, notice->item.next_event);
        on_notice_(notice, std::move(letter));
    }
    if (entered.ends_item && work->item.blob != 0)
        services_.tasks.spawn(services_.loops[shard_], "queue blob", drop_blob(work->item.blob, work->item.id));
    if (entered.written)
        entered.written->fulfil(true);
}

Task<void> Ledger::drop_blob(store::BlobId blob, ItemId item)
{
    const Result<void> dropped =
        co_await services_.blobs.drop_reference(blob, holder_of(item), Deadline::in(services_.clock, commit_patience));
    if (!dropped)
        services_.log.write(LogLevel::warning, "mta/queue", item, "a blob could not be let go",
                            {{"why", dropped.error().text}});
}

}  // namespace posthouse::mta::queue
