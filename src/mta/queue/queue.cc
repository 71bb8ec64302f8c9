#include "mta/queue/queue.h"

#include "message/parser.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

namespace posthouse::mta::queue {

namespace {

// An item's first attempt is made at once by the session that accepted it. The due row says when the
// queue shall look after it if that session's process has died.
constexpr auto first_attempt_grace = 60s;
// RFC 5321 section 4.5.4.1 leaves the strategy to us; local recipients fail for reasons that pass soon.
constexpr std::array retry_after{Duration{1min}, Duration{5min}, Duration{15min}, Duration{30min}, Duration{1h}};
constexpr auto commit_patience = 30s;
constexpr std::size_t deliveries_at_once = 100;
constexpr std::size_t due_rows_at_once = 500;
constexpr auto longest_sleep = 5min;
constexpr auto shortest_sleep = 100ms;  // whatever fails, it fails no more often than this

bool passes_with_time(ErrorCode code)
{
    return code == ErrorCode::unavailable || code == ErrorCode::no_space || code == ErrorCode::cancelled ||
        code == ErrorCode::timeout || code == ErrorCode::conflict;
}

Duration delay_before(std::uint32_t attempts)
{
    return retry_after[std::min<std::size_t>(attempts, retry_after.size()) - 1];
}

}  // namespace

// One try at all entries of an item. Shared by the tasks that deliver and the one that settles.
struct Queue::Attempt {
    Accepted accepted;
    std::vector<store::Key> due_rows;  // of what is attempted here; erased when settled
    std::size_t others_wait = 0;  // entries of the item whose time has not come
    std::vector<std::optional<Error>> failures;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> workers{0};
    Promise<bool> delivered;  // fulfilled when all were tried
};

bool Queue::begin(ItemId item)
{
    const std::scoped_lock lock(mutex_);
    return under_way_.insert(item).second;
}

void Queue::end(ItemId item)
{
    const std::scoped_lock lock(mutex_);
    under_way_.erase(item);
}

Task<Result<void>> Queue::accept(Accepted accepted, Duration patience)
{
    const WallTime first_due = accepted.item.arrived + first_attempt_grace;
    for (std::size_t i = 0; i < accepted.entries.size(); ++i) {
        Entry& entry = accepted.entries[i];
        entry.item = accepted.item.id;
        entry.index = static_cast<std::uint16_t>(i);
        entry.delivery = services_.ids.next();
        entry.due = first_due;
    }
    const ItemId item = accepted.item.id;
    begin(item);
    const Result<void> safe = co_await commit_accepted(accepted);
    if (!safe) {
        end(item);
        co_return safe;
    }
    const auto attempt = std::make_shared<Attempt>();
    attempt->due_rows.push_back(due_key(first_due, item, whole_item));
    attempt->accepted = std::move(accepted);
    co_await start(attempt);
    co_await attempt->delivered.ready_within(patience);
    co_return Result<void>{};
}

Task<Result<void>> Queue::commit_accepted(const Accepted& accepted)
{
    const ItemId item = accepted.item.id;
    if (accepted.item.blob != 0) {
        const Result<void> held = co_await services_.blobs.add_reference(
            accepted.item.blob, partition_of(item), Deadline::in(services_.clock, commit_patience));
        if (!held)
            co_return held;
    }
    store::Batch batch;
    batch.partition = partition_of(item);
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::intake;
    batch.puts.push_back({item_key(item), write_item(accepted.item)});
    if (accepted.item.blob == 0)
        batch.puts.push_back({body_key(item), *accepted.content.bytes, store::Space::bodies});
    batch.puts.push_back({due_key(accepted.entries.front().due, item, whole_item), {}});
    for (const Entry& entry : accepted.entries)
        batch.puts.push_back({entry_key(item, entry.index), write_entry(entry)});
    co_return co_await commit(std::move(batch));
}

Task<Result<void>> Queue::commit(store::Batch batch)
{
    const store::Outcome outcome = co_await store::commit_surely(services_.store, std::move(batch),
                                                                 Deadline::in(services_.clock, commit_patience));
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    co_return Result<void>{};
}

Task<void> Queue::start(std::shared_ptr<Attempt> attempt)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    const std::size_t entries = attempt->accepted.entries.size();
    attempt->failures.resize(entries);
    attempt->workers = std::min(entries, deliveries_at_once);
    for (std::size_t i = std::min(entries, deliveries_at_once); i > 0; --i)
        services_.tasks.spawn_here(executor, "queue delivery", deliver_next(attempt));
}

// One of an attempt's workers: takes entries until none is left; the last worker settles.
Task<void> Queue::deliver_next(std::shared_ptr<Attempt> attempt)
{
    for (;;) {
        const std::size_t index = attempt->next++;
        if (index >= attempt->accepted.entries.size())
            break;
        co_await deliver_one(attempt, index);
    }
    if (--attempt->workers > 0)
        co_return;
    attempt->delivered.fulfil(true);
    co_await settle(attempt);
    end(attempt->accepted.item.id);
}

Task<void> Queue::deliver_one(std::shared_ptr<Attempt> attempt, std::size_t index)
{
    const Accepted& accepted = attempt->accepted;
    const Entry& entry = accepted.entries[index];
    mailbox::Delivery delivery;
    delivery.message = accepted.item.id;
    delivery.delivery = entry.delivery;
    delivery.reverse_path = accepted.item.envelope.reverse_path.text();
    delivery.account = entry.account;
    delivery.recipient = entry.recipient.path.text();
    delivery.subaddress = entry.subaddress;
    delivery.content = accepted.content;
    delivery.digest = accepted.digest;
    delivery.arrived = accepted.item.arrived;
    delivery.quota = mailbox::Quota::exempt;  // accepted already
    const Result<mailbox::Filed> filed = co_await services_.courier.deliver(std::move(delivery));
    if (!filed)
        attempt->failures[index] = filed.error();
}

// One commit: who has the message leaves the queue, who has not gets the time of his next attempt;
// with the last one the item goes.
Task<void> Queue::settle(std::shared_ptr<Attempt> attempt)
{
    const Accepted& accepted = attempt->accepted;
    const ItemId item = accepted.item.id;
    store::Batch batch;
    batch.partition = partition_of(item);
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::upkeep;
    for (const store::Key& row : attempt->due_rows)
        batch.erases.push_back({row});
    bool all_done = attempt->others_wait == 0;
    for (std::size_t i = 0; i < accepted.entries.size(); ++i) {
        Entry entry = accepted.entries[i];
        if (!attempt->failures[i]) {
            batch.erases.push_back({entry_key(item, entry.index)});
            continue;
        }
        all_done = false;
        const Error& failure = *attempt->failures[i];
        ++entry.attempts;
        // What will not pass with time stays too: it was accepted, so it is never dropped.
        const Duration delay = passes_with_time(failure.code) ? delay_before(entry.attempts) : retry_after.back();
        entry.due = services_.clock.now() + delay;
        entry.last_error = fmt::format("{}: {}", to_string(failure.code), failure.text).substr(0, 500);
        services_.log.write(
            LogLevel::warning, "mta/queue", item, "a delivery has to wait",
            {{"recipient", entry.recipient.path.text()}, {"why", entry.last_error}, {"next", rfc3339_date(entry.due)}});
        batch.puts.push_back({entry_key(item, entry.index), write_entry(entry)});
        batch.puts.push_back({due_key(entry.due, item, entry.index), {}});
        look_again_at(entry.due);
    }
    if (all_done) {
        batch.erases.push_back({item_key(item)});
        batch.erases.push_back({body_key(item), store::Space::bodies});
    }
    const Result<void> safe = co_await commit(std::move(batch));
    if (!safe) {  // the rows stay: the entries come up again, and filing them again is harmless
        services_.log.write(LogLevel::error, "mta/queue", item, "could not settle an attempt",
                            {{"why", safe.error().text}});
        look_again_at(services_.clock.now() + retry_after.front());
        co_return;
    }
    if (all_done && accepted.item.blob != 0)
        co_await services_.blobs.drop_reference(accepted.item.blob, partition_of(item),
                                                Deadline::in(services_.clock, commit_patience));
}

void Queue::look_again_at(WallTime time)
{
    const std::scoped_lock lock(mutex_);
    if (time >= next_look_)
        return;
    next_look_ = time;
    wake_.fulfil(true);
    wake_ = {};
}

Task<void> Queue::run()
{
    // A former process's first attempts: their due rows lie at most the grace ahead.
    WallTime until = services_.clock.now() + first_attempt_grace;
    while (!stopping_) {
        begin_look();
        for (std::uint64_t shard = 0; shard < shards; ++shard)
            co_await attempt_due({store::PartitionKind::queue, shard}, until);
        const auto [pause, woken] = end_look();
        co_await woken.ready_within(pause);
        until = services_.clock.now();
    }
}

// Until something is due again this looks at nothing, but every few minutes at the clock, which may step.
void Queue::begin_look()
{
    const std::scoped_lock lock(mutex_);
    next_look_ = services_.clock.now() + longest_sleep;
}

// How long to sleep, and what ends the sleep early: only what comes up after this.
std::pair<Duration, Promise<bool>> Queue::end_look()
{
    const std::scoped_lock lock(mutex_);
    wake_ = {};
    const Duration pause =
        std::clamp(Duration{next_look_ - services_.clock.now()}, Duration{shortest_sleep}, Duration{longest_sleep});
    return {stopping_ ? Duration{0} : pause, wake_};
}

void Queue::stop()
{
    stopping_ = true;
    const std::scoped_lock lock(mutex_);
    wake_.fulfil(true);
    wake_ = {};
}

// Attempts every item that has a due row up to `until`, each with all of its entries due by then.
Task<void> Queue::attempt_due(store::Partition shard, WallTime until)
{
    store::Range range = due_until(WallTime::max());
    const store::Key limit = due_until(until).until;
    while (!stopping_) {
        const Result<store::Page> page = co_await services_.store.scan(shard, range, due_rows_at_once,
                                                                       Deadline::in(services_.clock, commit_patience));
        if (!page) {
            services_.log.write(LogLevel::error, "mta/queue", 0, "cannot read what is due",
                                {{"why", page.error().text}});
            look_again_at(services_.clock.now() + retry_after.front());
            co_return;
        }
        for (const store::Row& row : page->rows) {
            const Result<DueKey> due = read_due_key(row.key);
            if (row.key >= limit) {
                if (due)
                    look_again_at(due->due);
                co_return;
            }
            if (due)
                co_await attempt_item(due->item, until);
        }
        if (!page->more)
            co_return;
        range.from = page->rows.back().key + '\0';
    }
}

Task<void> Queue::attempt_item(ItemId item, WallTime until)
{
    if (!begin(item))
        co_return;
    Result<std::shared_ptr<Attempt>> attempt = co_await load(item, until);
    if (!attempt) {
        services_.log.write(LogLevel::alarm, "mta/queue", item, "a queued message cannot be read; it stays as it is",
                            {{"why", attempt.error().text}});
        end(item);
        co_return;
    }
    if ((*attempt)->accepted.entries.empty()) {
        co_await settle(*attempt);
        end(item);
        co_return;
    }
    co_await start(*attempt);
    co_await (*attempt)->delivered.get();
}

Task<Result<std::shared_ptr<Queue::Attempt>>> Queue::load(ItemId item, WallTime until)
{
    const store::Partition partition = partition_of(item);
    const auto attempt = std::make_shared<Attempt>();
    Accepted& accepted = attempt->accepted;
    accepted.item.id = item;
    Result<std::optional<store::Value>> row =
        co_await services_.store.get(partition, item_key(item), Deadline::in(services_.clock, commit_patience));
    if (!row)
        co_return fail(row.error());
    if (!*row)  // settled meanwhile: nothing is left to do
        co_return attempt;
    const Result<Item> read = read_item(item, **row);
    if (!read)
        co_return fail(read.error());
    accepted.item = *read;
    Result<std::vector<Entry>> entries = co_await entries_at(item);
    if (!entries)
        co_return fail(entries.error());
    const WallTime first_due = accepted.item.arrived + first_attempt_grace;
    attempt->due_rows.push_back(due_key(first_due, item, whole_item));
    for (Entry& entry : *entries) {
        if (entry.due > until) {
            ++attempt->others_wait;
            continue;
        }
        attempt->due_rows.push_back(due_key(entry.due, item, entry.index));
        accepted.entries.push_back(std::move(entry));
    }
    if (accepted.entries.empty() && attempt->others_wait > 0)
        attempt->due_rows.clear();
    Result<void> content = co_await load_content(accepted);
    if (!content)
        co_return fail(content.error());
    co_return attempt;
}

Task<Result<std::vector<Entry>>> Queue::entries_at(ItemId item)
{
    std::vector<Entry> entries;
    store::Range range = entries_of(item);
    for (;;) {
        Result<store::Page> page = co_await services_.store.scan(partition_of(item), range, most_entries,
                                                                 Deadline::in(services_.clock, commit_patience));
        if (!page)
            co_return fail(page.error());
        for (const store::Row& row : page->rows) {
            Result<Entry> entry = read_entry(row.key, row.value);
            if (!entry)
                co_return fail(entry.error());
            entries.push_back(std::move(*entry));
        }
        if (!page->more)
            co_return entries;
        range.from = page->rows.back().key + '\0';
    }
}

namespace {

// Feeds a blob's pieces to the digest.
Task<bool> feed(message::DigestBuilder* builder, std::string piece)
{
    builder->feed(piece);
    co_return true;
}

}  // namespace

Task<Result<void>> Queue::load_content(Accepted& accepted)
{
    message::DigestBuilder builder;
    accepted.content.size = accepted.item.size;
    accepted.content.blob = accepted.item.blob;
    if (accepted.item.blob != 0) {
        const store::Sink sink = [&builder](std::string piece) { return feed(&builder, std::move(piece)); };
        const Result<void> read = co_await services_.blobs.read(accepted.item.blob, 0, accepted.item.size, sink,
                                                                Deadline::in(services_.clock, commit_patience));
        if (!read)
            co_return read;
    } else {
        Result<std::optional<store::Value>> body =
            co_await services_.store.get(partition_of(accepted.item.id), body_key(accepted.item.id),
                                         Deadline::in(services_.clock, commit_patience), store::Space::bodies);
        if (!body)
            co_return fail(body.error());
        if (!*body)
            co_return fail(ErrorCode::corrupt, "the item has no body");
        accepted.content.bytes = std::make_shared<const std::string>(std::move(**body));
        builder.feed(*accepted.content.bytes);
    }
    accepted.digest = std::make_shared<const message::Digest>(builder.finish());
    co_return Result<void>{};
}

Task<Result<std::vector<Queue::Waiting>>> Queue::waiting(std::size_t most)
{
    std::vector<Waiting> found;
    for (std::uint64_t shard = 0; shard < shards && found.size() < most; ++shard) {
        store::Range range = all_items();
        for (bool more = true; more && found.size() < most;) {
            Result<store::Page> page =
                co_await services_.store.scan({store::PartitionKind::queue, shard}, range, most - found.size(),
                                              Deadline::in(services_.clock, commit_patience));
            if (!page)
                co_return fail(page.error());
            for (const store::Row& row : page->rows) {
                Result<Item> item = read_item(item_of(row.key), row.value);
                if (!item)
                    co_return fail(item.error());
                Result<std::vector<Entry>> entries = co_await entries_at(item->id);
                if (!entries)
                    co_return fail(entries.error());
                found.push_back({std::move(*item), std::move(*entries)});
            }
            more = page->more;
            if (more)
                range.from = page->rows.back().key + '\0';
        }
    }
    co_return found;
}

}  // namespace posthouse::mta::queue
