// Stores that were written when all recipients were local: their due rows become waiting and event rows.
#include "mta/queue/queue.h"

#include <algorithm>
#include <set>

namespace posthouse::mta::queue {

namespace {

constexpr std::size_t rows_at_once = 500;

}  // namespace

Task<void> Queue::convert_former(std::uint64_t shard)
{
    for (;;) {
        const Result<store::Page> page =
            co_await services_.store.scan({store::PartitionKind::queue, shard}, all_former_due(), rows_at_once, soon());
        if (!page || page->rows.empty()) {
            if (!page)
                report(LogLevel::error, 0, "cannot read the queue of a former version", page.error());
            co_return;
        }
        std::set<ItemId> items;
        for (const store::Row& row : page->rows) {
            const Result<FormerDue> due = read_former_due_key(row.key);
            if (due)
                items.insert(due->item);
        }
        for (const ItemId item : items) {
            const Result<void> converted = co_await convert_item(item, page->rows);
            if (!converted) {  // it stays as it is, and is looked at again at the next start
                report(LogLevel::alarm, item, "a message queued by a former version cannot be taken up",
                       converted.error());
                co_return;
            }
        }
        if (items.empty())
            co_return;
    }
}

// One commit: its due rows go, its entries get waiting rows and the item an event.
Task<Result<void>> Queue::convert_item(ItemId item, std::vector<store::Row> due_rows)
{
    store::Batch batch;
    batch.partition = partition_of(item);
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::upkeep;
    for (const store::Row& row : due_rows) {
        const Result<FormerDue> due = read_former_due_key(row.key);
        if (due && due->item == item)
            batch.erases.push_back({row.key});
    }
    const Result<WorkPtr> work = co_await load(item);
    if (!work && work.error() != ErrorCode::not_found)
        co_return fail(work.error());
    if (work && (*work)->item.next_event == WallTime{}) {
        Item& known = (*work)->item;
        if (known.blob != 0) {  // its shard held it; from now on the item itself does
            Result<void> moved = co_await hold_blob(services_.blobs, services_.clock, known);
            if (moved)
                moved = co_await services_.blobs.drop_reference(known.blob, partition_of(item), soon());
            if (!moved && moved.error() != ErrorCode::not_found)
                co_return moved;
        }
        known.next_event = never;
        for (const Entry& entry : (*work)->entries) {
            known.next_event = std::min(known.next_event, next_event(known, entry, *policies_.of(entry.lane())));
            batch.puts.push_back({waiting_key(entry), {}});
        }
        batch.puts.push_back({item_key(item), write_item(known)});
        batch.puts.push_back({event_key(known.next_event, item), {}});
    }
    const store::Outcome outcome = co_await store::commit_surely(services_.store, std::move(batch), soon());
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    co_return Result<void>{};
}

}  // namespace posthouse::mta::queue
