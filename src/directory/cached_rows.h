// The directory's partition with a cache before it: what is warm costs a hash and no store read,
// rows that are not there included.
//
// Rows that are and rows that are not have bounds of their own, so that guessing names does not
// push the real ones out. A change forgets the rows it touched after its commit; a read that began
// before that moment is not kept (each shard counts its changes).
//
// Threads: any. Lifetime: the store and the clock outlive it.
#pragma once

#include "base/generations.h"
#include "base/keyed_hash.h"
#include "directory/rows.h"
#include "store/store.h"

#include <array>
#include <deque>
#include <mutex>

namespace posthouse::directory {

// nullptr: there is no such row. Immutable and shared.
using RowPtr = std::shared_ptr<const store::Value>;

class CachedRows {
public:
    struct Budget {  // of each of the two generations, in bytes
        std::size_t present = 16 * 1024 * 1024;
        std::size_t absent = 4 * 1024 * 1024;
    };
    CachedRows(store::Store& store, const Clock& clock, Random& random, Budget budget);

    Task<Result<RowPtr>> read(store::Key key);
    // Up to `most` rows, read from the store.
    Task<Result<std::vector<store::Row>>> scan(store::Range range, std::size_t most);
    // One change at a time, in order of arrival, so that an unknown outcome can be resolved.
    Task<store::Outcome> commit(store::Batch batch);

private:
    struct Shard {
        std::mutex mutex;
        std::uint64_t changes = 0;
        Generations<store::Key, RowPtr, KeyedHash> present;
        Generations<store::Key, bool, KeyedHash> absent;
    };
    static constexpr std::size_t shards = 16;

    Shard& shard_of(const store::Key& key);
    std::optional<RowPtr> find(Shard& shard, const store::Key& key, std::uint64_t& changes);
    void keep(Shard& shard, const store::Key& key, const RowPtr& row, std::uint64_t changes);
    void forget(const store::Key& key);
    Task<void> take_turn();
    void end_turn();

    store::Store& store_;
    const Clock& clock_;
    KeyedHash hash_;
    std::array<std::unique_ptr<Shard>, shards> shards_;
    std::mutex turn_mutex_;
    bool turn_taken_ = false;
    std::deque<Promise<bool>> waiting_;
};

}  // namespace posthouse::directory
