// What the operator, the audit and the status page ask of the queue.
#include "mta/queue/queue.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr std::size_t rows_at_once = 500;
constexpr std::size_t most_unwritten = 500;
constexpr auto look_again = 5ms;

}  // namespace

// Items and recipients lie in the same order: two scans side by side, whatever their number.
Task<Result<void>> Queue::each(See see)
{
    for (std::uint64_t shard = 0; shard < shards; ++shard) {
        store::Range range = all_items();
        for (bool more = true; more;) {
            const Result<store::Page> page =
                co_await services_.store.scan({store::PartitionKind::queue, shard}, range, rows_at_once, soon());
            if (!page)
                co_return fail(page.error());
            if (page->rows.empty())
                break;
            Result<std::vector<Waiting>> items = co_await with_entries(shard, page->rows);
            if (!items)
                co_return fail(items.error());
            for (Waiting& waiting : *items) {
                board_.mark(waiting.item.id, waiting.entries);
                if (!see(waiting))
                    co_return Result<void>{};
            }
            more = page->more;
            range.from = page->rows.back().key + '\0';
        }
    }
    co_return Result<void>{};
}

Task<Result<std::vector<Queue::Waiting>>> Queue::with_entries(std::uint64_t shard, std::vector<store::Row> rows)
{
    std::vector<Waiting> items;
    for (const store::Row& row : rows) {
        Result<Item> item = read_item(item_of(row.key), row.value);
        if (!item)
            co_return fail(item.error());
        items.push_back({std::move(*item), {}});
    }
    store::Range range{entry_key(items.front().item.id, 0), entries_of(items.back().item.id).until};
    auto at = items.begin();
    for (bool more = true; more;) {
        const Result<store::Page> page = co_await services_.store.scan({store::PartitionKind::queue, shard}, range,
                                                                       services_.store.limits().page_rows, soon());
        if (!page)
            co_return fail(page.error());
        for (const store::Row& row : page->rows) {
            Result<Entry> entry = read_entry(row.key, row.value);
            if (!entry)
                co_return fail(entry.error());
            while (at != items.end() && at->item.id < entry->item)
                ++at;
            if (at != items.end() && at->item.id == entry->item)
                at->entries.push_back({std::move(*entry), false});
        }
        more = page->more;
        if (more)
            range.from = page->rows.back().key + '\0';
    }
    co_return items;
}

Task<Result<std::size_t>> Queue::count(std::size_t most)
{
    std::size_t items = 0;
    for (std::uint64_t shard = 0; shard < shards && items < most; ++shard) {
        store::Range range = all_items();
        for (bool more = true; more && items < most;) {
            const Result<store::Page> page = co_await services_.store.scan({store::PartitionKind::queue, shard}, range,
                                                                           services_.store.limits().page_rows, soon());
            if (!page)
                co_return fail(page.error());
            items += page->rows.size();
            more = page->more;
            if (more)
                range.from = page->rows.back().key + '\0';
        }
    }
    co_return std::min(items, most);
}

Task<Result<Queue::Waiting>> Queue::show(ItemId item)
{
    const Result<Pin> pin = co_await obtain(item);
    if (!pin)
        co_return fail(pin.error());
    co_return Waiting{(*pin)->item, board_.look(pin->work())};
}

Task<Result<std::string>> Queue::beginning(ItemId item, std::size_t most)
{
    const Result<Pin> pin = co_await obtain(item);
    if (!pin)
        co_return fail(pin.error());
    co_return co_await read_content(content(), (*pin)->item, {}, most);
}

Task<std::string> Queue::delay_of(std::string lane)
{
    co_return board_.backing_off(co_await destination_of(std::move(lane)));
}

// --- actions ----------------------------------------------------------------------------------

Task<Result<std::size_t>> Queue::act(ItemId item, Action action, std::string domain)
{
    co_await load_common();
    const Result<Pin> pin = co_await obtain(item);
    if (!pin)
        co_return fail(pin.error());
    co_return co_await act_on(pin->work(), action, std::move(domain), time_.now(), true);
}

Task<Result<std::size_t>> Queue::act_on(WorkPtr work, Action action, std::string domain, WallTime mark, bool wait)
{
    Settlement settlement;
    settlement.work = work;
    std::vector<smtp::NoticeRecipient> told;
    for (std::size_t at = 0; at < work->entries.size(); ++at) {
        if (!board_.take(work, at))
            continue;
        const Entry& entry = work->entries[at];
        const bool meant = domain.empty() || entry.recipient.path.domain == domain;
        std::optional<Settlement::Change> change;
        if (meant)
            change = co_await change_by(work, at, action, mark, &told);
        if (change)
            settlement.changes.push_back(std::move(*change));
        else
            board_.put_back(work, at);
    }
    const std::size_t count = settlement.changes.size();
    if (count == 0)
        co_return count;
    const bool complete = told.empty() || co_await add_notices(&settlement, {}, std::move(told));
    if (!complete) {
        for (const Settlement::Change& change : settlement.changes)
            board_.put_back(work, change.at);
        co_return fail(ErrorCode::cancelled, "the server is stopping");
    }
    Ledger& ledger = ledger_of(work->item.id);
    const Promise<bool> written = ledger.hand_in_and_tell(std::move(settlement));
    if (wait) {
        const bool landed = co_await written.get();
        if (!landed)
            co_return fail(ErrorCode::unavailable, "the store takes no changes now");
    }
    while (ledger.waiting() > most_unwritten && !stopping_)
        co_await sleep_for(look_again);
    co_return count;
}

// What an action makes of an entry that is taken; nullopt: nothing.
Task<std::optional<Settlement::Change>> Queue::change_by(WorkPtr work, std::size_t at, Action action, WallTime mark,
                                                         std::vector<smtp::NoticeRecipient>* told)
{
    const Entry& entry = work->entries[at];
    Entry changed = entry;
    switch (action) {
    case Action::retry:
        if (entry.held || entry.due == mark)
            co_return std::nullopt;
        changed.due = mark;
        board_.hurry(entry.lane(), co_await destination_of(entry.lane()));
        co_return Settlement::Change{at, std::move(changed)};
    case Action::hold:
        if (entry.held)
            co_return std::nullopt;
        changed.held = true;
        changed.due = never;
        co_return Settlement::Change{at, std::move(changed)};
    case Action::release:
        if (!entry.held)
            co_return std::nullopt;
        changed.held = false;
        changed.due = mark;
        co_return Settlement::Change{at, std::move(changed)};
    case Action::drop: co_return Settlement::Change{at, std::nullopt};
    case Action::fail: break;
    }
    smtp::RecipientFate fate = entry.last;
    fate.fate = smtp::Fate::failed;
    fate.status = "5.0.0";
    fate.reason = entry.last.reason.empty()
        ? "the postmaster has taken it out of the queue"
        : "the postmaster has taken it out of the queue; the last reason: " + entry.last.reason;
    const std::shared_ptr<const Policy> policy = policies_.of(entry.lane());
    Outcome outcome = judge_failed({work->item, entry, *policy, time_.now(), {}}, std::move(fate));
    if (outcome.notice)
        told->push_back(std::move(*outcome.notice));
    co_return Settlement::Change{at, std::nullopt};
}

Task<Result<std::size_t>> Queue::act_on_domain(std::string domain, Action action)
{
    co_await load_common();
    // What comes up again behind the place that was reached is known by the time it was given.
    const WallTime mark = time_.now();
    std::size_t count = 0;
    for (std::uint64_t shard = 0; shard < shards; ++shard) {
        store::Range range = domain.empty() ? all_waiting() : waiting_in(domain, {});
        for (bool more = true; more;) {
            const Result<store::Page> page =
                co_await services_.store.scan({store::PartitionKind::queue, shard}, range, rows_at_once, soon());
            if (!page)
                co_return fail(page.error());
            for (const store::Row& row : page->rows) {
                const Result<Place> place = read_waiting_key(row.key);
                if (!place || place->due == mark)
                    continue;
                const Result<Pin> pin = co_await obtain(place->item);
                if (!pin && pin.error() == ErrorCode::not_found)
                    continue;
                if (!pin)
                    co_return fail(pin.error());
                const Result<std::size_t> done = co_await act_on(pin->work(), action, domain, mark, false);
                if (!done)
                    co_return done;
                count += *done;
            }
            more = page->more;
            if (more)
                range.from = page->rows.back().key + '\0';
        }
    }
    // They answer when all is written.
    for (const std::unique_ptr<Ledger>& ledger : ledgers_)
        while (!ledger->is_idle() && !stopping_)
            co_await sleep_for(look_again);
    co_return count;
}

Task<Result<void>> Queue::set_policy(std::string domain, std::optional<Policy> policy)
{
    co_await load_common();
    co_return co_await policies_.set(std::move(domain), std::move(policy));
}

Task<Result<std::vector<std::pair<std::string, Policy>>>> Queue::policies()
{
    const Result<void> loaded = co_await load_common();
    if (!loaded)
        co_return fail(loaded.error());
    co_return policies_.all();
}

}  // namespace posthouse::mta::queue
