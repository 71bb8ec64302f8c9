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
    explicit Group(Instance& instance) : instance_(instance) { }

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
    rocksdb::Status stored_head(Partition partition, std::optional<CommitId>& id) const;

    Instance& instance_;
    rocksdb::WriteBatch writes_;
    std::map<Partition, Earlier> earlier_;
};

}  // namespace posthouse::store
