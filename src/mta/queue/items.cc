// Items from disk into memory: each is there once, whoever asks for it.
#include "mta/queue/queue.h"

namespace posthouse::mta::queue {

namespace {

constexpr auto look_again = 5ms;
constexpr int most_looks = 400;  // while somebody else loads it

}  // namespace

// Errors: not_found (it has left the queue), corrupt and what else the store says.
Task<Result<Pin>> Queue::obtain(ItemId item)
{
    for (int look = 0; look < most_looks; ++look) {
        const Board::Found found = board_.pin(item);
        if (found.work)
            co_return Pin(board_, found.work);
        if (!found.busy) {
            Result<WorkPtr> work = co_await load(item);
            board_.loaded(item, work ? *work : nullptr);
            if (!work)
                co_return fail(work.error());
            co_return Pin(board_, std::move(*work));
        }
        co_await sleep_for(look_again);
    }
    co_return fail(ErrorCode::unavailable, "somebody else has been loading the item for long");
}

Task<Result<WorkPtr>> Queue::load(ItemId item)
{
    Result<std::optional<store::Value>> row = co_await services_.store.get(partition_of(item), item_key(item), soon());
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return fail(ErrorCode::not_found, "no item " + id_text(item) + " is in the queue");
    Result<Item> read = read_item(item, **row);
    if (!read)
        co_return fail(read.error());
    Result<std::vector<Entry>> entries = co_await entries_at(item);
    if (!entries)
        co_return fail(entries.error());
    auto work = std::make_shared<Work>();
    work->item = std::move(*read);
    work->entries = std::move(*entries);
    co_return work;
}

Task<Result<std::vector<Entry>>> Queue::entries_at(ItemId item)
{
    std::vector<Entry> entries;
    store::Range range = entries_of(item);
    for (;;) {
        Result<store::Page> page =
            co_await services_.store.scan(partition_of(item), range, services_.store.limits().page_rows, soon());
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

}  // namespace posthouse::mta::queue
