#include "store/rocksdb/reads.h"

#include "store/key.h"
#include "store/rocksdb/layout.h"

#include <algorithm>
#include <array>

namespace posthouse::store {

namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

rocksdb::ReadOptions options_for(Reach reach)
{
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.read_tier = reach == Reach::memory ? rocksdb::kBlockCacheTier : rocksdb::kReadAllTier;
    return options;
}

// An iterator bounded to one stored range; the bounds live as long as it does.
struct Bounded {
    Bounded(Instance& instance, Reach reach, Space space, Range stored) :
        range(std::move(stored)), lower(range.from), upper(range.until)
    {
        rocksdb::ReadOptions options = options_for(reach);
        options.iterate_lower_bound = &lower;
        options.iterate_upper_bound = &upper;
        iterator.reset(instance.db().NewIterator(options, instance.family(space)));
    }
    Range range;
    rocksdb::Slice lower;
    rocksdb::Slice upper;
    std::unique_ptr<rocksdb::Iterator> iterator;
};

bool is_empty(const Range& range) { return !range.until.empty() && range.until <= range.from; }

Row row_at(const rocksdb::Iterator& iterator)
{
    rocksdb::Slice key = iterator.key();
    key.remove_prefix(prefix_bytes);
    return {key.ToString(), iterator.value().ToString()};
}

rocksdb::Status has_rows(Instance& instance, Partition partition, bool& found)
{
    found = false;
    for (const Space space : {Space::rows, Space::bodies}) {
        const Bounded bounded(instance, Reach::disk, space, stored_range(partition, {}));
        bounded.iterator->SeekToFirst();
        // Damage is somebody's: the one who reads that partition learns of it, not the one who lists.
        if (bounded.iterator->Valid() || bounded.iterator->status().IsCorruption()) {
            found = true;
            break;
        }
        if (!bounded.iterator->status().ok())
            return bounded.iterator->status();
    }
    return rocksdb::Status::OK();
}

}  // namespace

rocksdb::Status read_value(Instance& instance, Reach reach, Partition partition, const Key& key, Space space,
                           std::optional<Value>& value)
{
    rocksdb::PinnableSlice found;
    const rocksdb::Status status =
        instance.db().Get(options_for(reach), instance.family(space), slice(stored_key(partition, key)), &found);
    if (status.IsNotFound())
        return rocksdb::Status::OK();
    // Without the disk RocksDB answers "ok" and an empty value where it met a damaged index.
    if (status.ok() && found.empty() && reach == Reach::memory)
        return rocksdb::Status::Incomplete();
    if (status.ok())
        value.emplace(found.data(), found.size());
    return status;
}

rocksdb::Status read_values(Instance& instance, Partition partition, const std::vector<Key>& keys, Space space,
                            const Take& take)
{
    constexpr std::size_t most_at_once = 32;  // what RocksDB looks up together
    rocksdb::ReadOptions options = options_for(Reach::disk);
    options.fill_cache = false;
    for (std::size_t first = 0; first < keys.size(); first += most_at_once) {
        const std::size_t count = std::min(most_at_once, keys.size() - first);
        std::array<std::string, most_at_once> stored;
        std::array<rocksdb::Slice, most_at_once> names;
        std::array<rocksdb::PinnableSlice, most_at_once> found;
        std::array<rocksdb::Status, most_at_once> statuses;
        for (std::size_t i = 0; i < count; ++i) {
            stored[i] = stored_key(partition, keys[first + i]);
            names[i] = slice(stored[i]);
        }
        instance.db().MultiGet(options, instance.family(space), count, names.data(), found.data(), statuses.data());
        for (std::size_t i = 0; i < count; ++i) {
            if (statuses[i].IsNotFound())
                continue;
            const rocksdb::Status taken =
                statuses[i].ok() ? take(first + i, {found[i].data(), found[i].size()}) : statuses[i];
            if (!taken.ok())
                return taken;
        }
    }
    return rocksdb::Status::OK();
}

rocksdb::Status read_page(Instance& instance, Reach reach, Partition partition, const Range& range, Space space,
                          std::size_t most_rows, std::size_t most_bytes, Page& page)
{
    if (is_empty(range))
        return rocksdb::Status::OK();
    const Bounded bounded(instance, reach, space, stored_range(partition, range));
    rocksdb::Iterator& iterator = *bounded.iterator;
    std::size_t bytes = 0;
    for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
        bytes += iterator.key().size() - prefix_bytes + iterator.value().size();
        if (page.rows.size() == most_rows || (!page.rows.empty() && bytes > most_bytes)) {
            page.more = true;
            break;
        }
        page.rows.push_back(row_at(iterator));
    }
    return iterator.status();
}

rocksdb::Status read_last(Instance& instance, Reach reach, Partition partition, const Range& range,
                          std::optional<Row>& row)
{
    if (is_empty(range))
        return rocksdb::Status::OK();
    const Bounded bounded(instance, reach, Space::rows, stored_range(partition, range));
    bounded.iterator->SeekToLast();
    if (bounded.iterator->Valid())
        row = row_at(*bounded.iterator);
    return bounded.iterator->status();
}

// Heads are in the order of their partitions' ids. A partition whose rows have all been erased still
// has its head, and is passed over.
rocksdb::Status read_partitions(Instance& instance, PartitionKind kind, std::uint64_t from, std::size_t most,
                                std::vector<Partition>& partitions)
{
    const Prefix first = head_key({kind, from});
    const std::string beyond = KeyBuilder::after(std::string(view(first).substr(0, 3)));
    const rocksdb::Slice upper(beyond);
    rocksdb::ReadOptions options = options_for(Reach::disk);
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> iterator(instance.db().NewIterator(options, instance.rows()));
    for (iterator->Seek(slice(view(first))); iterator->Valid() && partitions.size() < most; iterator->Next()) {
        const rocksdb::Slice key = iterator->key();
        const auto partition = partition_of({key.data(), key.size()});
        if (!partition)
            continue;
        bool found = false;
        if (const rocksdb::Status status = has_rows(instance, *partition, found); !status.ok())
            return status;
        if (found)
            partitions.push_back(*partition);
    }
    return iterator->status();
}

}  // namespace posthouse::store
