// One group of commits on its way into one RocksDB write batch.
//
// Threads: the commit thread alone. Lifetime: of one group; the batches given to add() outlive it.
#pragma once

#include "store/rocksdb/instance.h"

#include <map>

#include <rocksdb/write_batch.h>

namespace posthouse::store {

class Group {
public:
    // `mend` is asked when a row is found damaged: true to read it again.
    using Mend = std::function<bool(const rocksdb::Status&)>;
    Group(Instance& instance, Mend mend) : instance_(instance), mend_(std::move(mend)) { }

    // Judges the checks against the database and everything added so far; `ok`: it is in the group.
    Outcome add(const Batch& batch);
    // Whether `batch` is the last commit of its partition, as far as this group.
    Outcome resolve(const Batch& batch) const;

    bool is_empty() const { return writes_.Count() == 0; }
    rocksdb::WriteBatch& writes() { return writes_; }

private:
    // What this group has already written into a partition's rows, indexed when first asked for.
    struct Earlier {
        std::vector<const Batch*> batches;
        std::size_t indexed = 0;
        std::map<std::string_view, const Value*> rows;  // null: erased
        std::vector<const EraseRange*> erased;
    };

    Outcome judge(const Batch& batch);
    void index(Earlier& earlier);
    void append(const Batch& batch);
    rocksdb::Status read(std::string_view key, rocksdb::PinnableSlice& value) const;
    rocksdb::Status stored_head(Partition partition, std::optional<CommitId>& id) const;

    Instance& instance_;
    Mend mend_;
    rocksdb::WriteBatch writes_;
    std::map<Partition, Earlier> earlier_;
};

}  // namespace posthouse::store
