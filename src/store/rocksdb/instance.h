// One opening of RocksDB: the database, its two column families, and how they are set up.
//
// After a write or sync failed an instance is never written to again; the store opens a new one.
// Threads: any. Lifetime: held by shared_ptr for as long as a read or write uses it.
#pragma once

#include "base/log.h"
#include "store/rocksdb/options.h"
#include "store/store.h"

#include <functional>

#include <rocksdb/db.h>
#include <rocksdb/env.h>

namespace posthouse::store {

class Instance {
public:
    // Makes the database where there is none. `on_failure` is called from RocksDB's threads when a
    // background job met damage, or failed in a way that needs a new instance. The log outlives the
    // instance.
    using OnFailure = std::function<void(const rocksdb::Status&)>;
    static Result<std::shared_ptr<Instance>> open(const RocksOptions& options, Log& log, OnFailure on_failure);
    // For reading only, where the disk takes no writes.
    static Result<std::shared_ptr<Instance>> open_to_read(const RocksOptions& options, Log& log);
    ~Instance();

    rocksdb::DB& db() { return *db_; }
    rocksdb::ColumnFamilyHandle* rows() { return families_[1]; }
    rocksdb::ColumnFamilyHandle* bodies() { return families_[2]; }
    rocksdb::ColumnFamilyHandle* family(Space space) { return space == Space::rows ? rows() : bodies(); }

    // Writes everything into tables, so that the next start has no log to read. Blocks, until a background job fails.
    rocksdb::Status flush();
    // No compaction from now on, and no writer waits for one.
    void stop_compacting();

private:
    Instance() = default;
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<rocksdb::DB> db_;
    std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

Error to_error(const rocksdb::Status& status, std::string_view doing);

}  // namespace posthouse::store
