#include "directory/cached_rows.h"

namespace posthouse::directory {

namespace {

constexpr auto patience = 10s;
constexpr std::size_t overhead = 128;  // bytes of a cached row that are not its own

}  // namespace

CachedRows::CachedRows(store::Store& store, const Clock& clock, Random& random, Budget budget) :
    store_(store), clock_(clock), hash_(HashKey::fresh(random))
{
    for (std::unique_ptr<Shard>& shard : shards_)
        shard.reset(new Shard{.present{budget.present / shards, hash_}, .absent{budget.absent / shards, hash_}});
}

CachedRows::Shard& CachedRows::shard_of(const store::Key& key) { return *shards_[hash_(key) % shards]; }

std::optional<RowPtr> CachedRows::find(Shard& shard, const store::Key& key, std::uint64_t& changes)
{
    const std::scoped_lock lock(shard.mutex);
    changes = shard.changes;
    if (const RowPtr* row = shard.present.find(key))
        return *row;
    if (shard.absent.find(key))
        return RowPtr();
    return std::nullopt;
}

void CachedRows::keep(Shard& shard, const store::Key& key, const RowPtr& row, std::uint64_t changes)
{
    const std::scoped_lock lock(shard.mutex);
    if (shard.changes != changes)
        return;
    if (row)
        shard.present.put(key, row, key.size() + row->size() + overhead);
    else
        shard.absent.put(key, true, key.size() + overhead);
}

void CachedRows::forget(const store::Key& key)
{
    Shard& shard = shard_of(key);
    const std::scoped_lock lock(shard.mutex);
    ++shard.changes;
    shard.present.erase(key);
    shard.absent.erase(key);
}

Task<Result<RowPtr>> CachedRows::read(store::Key key)
{
    Shard& shard = shard_of(key);
    std::uint64_t changes = 0;
    if (const std::optional<RowPtr> warm = find(shard, key, changes))
        co_return *warm;
    Result<std::optional<store::Value>> value = co_await store_.get(partition, key, Deadline::in(clock_, patience));
    if (!value)
        co_return fail(value.error());
    const RowPtr row = *value ? std::make_shared<const store::Value>(std::move(**value)) : nullptr;
    keep(shard, key, row, changes);
    co_return row;
}

Task<Result<std::vector<store::Row>>> CachedRows::scan(store::Range range, std::size_t most)
{
    std::vector<store::Row> rows;
    while (rows.size() < most) {
        Result<store::Page> page =
            co_await store_.scan(partition, range, most - rows.size(), Deadline::in(clock_, patience));
        if (!page)
            co_return fail(page.error());
        std::ranges::move(page->rows, std::back_inserter(rows));
        if (!page->more || rows.empty())
            break;
        range.from = rows.back().key + '\0';
    }
    co_return rows;
}

Task<store::Outcome> CachedRows::commit(store::Batch batch)
{
    std::vector<store::Key> touched;
    for (const store::Check& check : batch.checks)
        touched.push_back(check.key);
    for (const store::Put& put : batch.puts)
        touched.push_back(put.key);
    for (const store::Erase& erase : batch.erases)
        touched.push_back(erase.key);

    co_await take_turn();
    store::Outcome outcome = store::Outcome::unknown;
    std::exception_ptr bug;
    try {
        outcome = co_await store::commit_surely(store_, std::move(batch), Deadline::in(clock_, patience));
    } catch (...) {
        bug = std::current_exception();
    }
    end_turn();
    for (const store::Key& key : touched)
        forget(key);
    if (bug)
        std::rethrow_exception(bug);
    co_return outcome;
}

Task<void> CachedRows::take_turn()
{
    std::optional<Promise<bool>> turn;
    {
        const std::scoped_lock lock(turn_mutex_);
        if (turn_taken_)
            turn = waiting_.emplace_back();
        turn_taken_ = true;
    }
    if (turn)
        co_await turn->get();
}

void CachedRows::end_turn()
{
    std::optional<Promise<bool>> next;
    {
        const std::scoped_lock lock(turn_mutex_);
        if (waiting_.empty()) {
            turn_taken_ = false;
        } else {
            next = std::move(waiting_.front());
            waiting_.pop_front();
        }
    }
    if (next)
        next->fulfil(true);
}

}  // namespace posthouse::directory
