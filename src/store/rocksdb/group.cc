#include "store/rocksdb/group.h"

#include "store/rocksdb/layout.h"

#include <algorithm>

namespace posthouse::store {

namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

bool holds(const EraseRange& range, std::string_view key)
{
    return key >= range.from && (range.until.empty() || key < range.until);
}

// The batch that erases a whole partition takes its head along.
bool ends_partition(const Batch& batch)
{
    const auto erases_all_of = [&batch](Space space) {
        return std::ranges::any_of(batch.erase_ranges, [space](const EraseRange& range) {
            return range.space == space && range.from.empty() && range.until.empty();
        });
    };
    return batch.puts.empty() && erases_all_of(Space::rows) && erases_all_of(Space::bodies);
}

}  // namespace

Outcome Group::add(const Batch& batch)
{
    const Outcome judged = judge(batch);
    if (judged != Outcome::ok)
        return judged;
    append(batch);
    earlier_[batch.partition].batches.push_back(&batch);
    return Outcome::ok;
}

void Group::index(Earlier& earlier)
{
    for (; earlier.indexed < earlier.batches.size(); ++earlier.indexed) {
        const Batch& batch = *earlier.batches[earlier.indexed];
        for (const EraseRange& range : batch.erase_ranges) {
            if (range.space != Space::rows || (!range.until.empty() && range.until <= range.from))
                continue;
            earlier.rows.erase(earlier.rows.lower_bound(range.from),
                               range.until.empty() ? earlier.rows.end() : earlier.rows.lower_bound(range.until));
            earlier.erased.push_back(&range);
        }
        for (const Erase& erase : batch.erases)
            if (erase.space == Space::rows)
                earlier.rows[erase.key] = nullptr;
        for (const Put& put : batch.puts)
            if (put.space == Space::rows)
                earlier.rows[put.key] = &put.value;
    }
}

Outcome Group::judge(const Batch& batch)
{
    if (batch.checks.empty())
        return Outcome::ok;
    Earlier* earlier = nullptr;
    if (const auto found = earlier_.find(batch.partition); found != earlier_.end()) {
        earlier = &found->second;
        index(*earlier);
    }
    for (const Check& check : batch.checks) {
        if (earlier != nullptr) {
            if (const auto row = earlier->rows.find(check.key); row != earlier->rows.end()) {
                const bool same =
                    row->second == nullptr ? !check.equals : check.equals && *check.equals == *row->second;
                if (!same)
                    return Outcome::conflict;
                continue;
            }
            if (std::ranges::any_of(earlier->erased,
                                    [&](const EraseRange* range) { return holds(*range, check.key); })) {
                if (check.equals)
                    return Outcome::conflict;
                continue;
            }
        }
        rocksdb::PinnableSlice value;
        const rocksdb::Status got = read(stored_key(batch.partition, check.key), value);
        if (!got.ok() && !got.IsNotFound())
            return got.IsCorruption() ? Outcome::corrupt : Outcome::unavailable;
        const bool same = got.IsNotFound() ? !check.equals : check.equals && slice(*check.equals) == value;
        if (!same)
            return Outcome::conflict;
    }
    return Outcome::ok;
}

// RocksDB applies a batch's operations in the order in which they were added.
void Group::append(const Batch& batch)
{
    const Prefix prefix = row_prefix(batch.partition);
    const auto key_parts = [&prefix](std::string_view key) {
        return std::array<rocksdb::Slice, 2>{slice(view(prefix)), slice(key)};
    };
    for (const EraseRange& range : batch.erase_ranges) {
        const Range stored = stored_range(batch.partition, {range.from, range.until});
        if (stored.from < stored.until)
            writes_.DeleteRange(instance_.family(range.space), stored.from, stored.until);
    }
    for (const Erase& erase : batch.erases) {
        const auto key = key_parts(erase.key);
        writes_.Delete(instance_.family(erase.space), rocksdb::SliceParts(key.data(), 2));
    }
    for (const Put& put : batch.puts) {
        const auto key = key_parts(put.key);
        const rocksdb::Slice value = put.value;
        writes_.Put(instance_.family(put.space), rocksdb::SliceParts(key.data(), 2), rocksdb::SliceParts(&value, 1));
    }
    const Prefix head = head_key(batch.partition);
    if (ends_partition(batch))
        writes_.Delete(instance_.rows(), slice(view(head)));
    else
        writes_.Put(instance_.rows(), slice(view(head)), head_value(batch.id));
}

rocksdb::Status Group::read(std::string_view key, rocksdb::PinnableSlice& value) const
{
    rocksdb::Status got = instance_.db().Get({}, instance_.rows(), slice(key), &value);
    if (got.IsCorruption() && mend_(got)) {
        value.Reset();
        got = instance_.db().Get({}, instance_.rows(), slice(key), &value);
    }
    return got;
}

rocksdb::Status Group::stored_head(Partition partition, std::optional<CommitId>& id) const
{
    rocksdb::PinnableSlice value;
    const rocksdb::Status got = read(view(head_key(partition)), value);
    if (got.IsNotFound())
        return rocksdb::Status::OK();
    if (got.ok())
        id = commit_id({value.data(), value.size()});
    return got;
}

Outcome Group::resolve(const Batch& batch) const
{
    if (const auto found = earlier_.find(batch.partition); found != earlier_.end())
        return found->second.batches.back()->id == batch.id ? Outcome::ok : Outcome::conflict;
    std::optional<CommitId> id;
    if (const rocksdb::Status got = stored_head(batch.partition, id); !got.ok())
        return got.IsCorruption() ? Outcome::corrupt : Outcome::unavailable;
    if (!id)
        return ends_partition(batch) ? Outcome::ok : Outcome::conflict;
    return *id == batch.id ? Outcome::ok : Outcome::conflict;
}

}  // namespace posthouse::store
