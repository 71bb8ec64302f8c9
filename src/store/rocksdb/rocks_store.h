// The store on one machine, by RocksDB.
//
// Threads: as store.h says; open(), close(), back_up() and verify() block and must not be called on a
// loop. Lifetime: clock, workers and log
// outlive the store.
#pragma once

#include "base/log.h"
#include "store/rocksdb/backup.h"
#include "store/rocksdb/options.h"
#include "store/rocksdb/verify.h"
#include "store/store.h"

#include <memory>

namespace posthouse::store {

struct BackupReport;
struct SalvageReport;
struct VerifyReport;
struct CommitFigures;

class RocksStore final : public Store {
public:
    // Fails with `already_exists` when another process holds the folder; its text says which one.
    static Result<std::unique_ptr<RocksStore>> open(RocksOptions options, const Clock& clock, Workers& workers,
                                                    Log& log);
    ~RocksStore() override;  // as close()
    // Finishes what was handed in, writes everything into tables, lets go of the folder.
    void close();

    Task<Outcome> commit(Batch batch, Deadline deadline) override;
    Task<Outcome> resolve(Batch batch, Deadline deadline) override;
    Task<Result<std::optional<Value>>> get(Partition partition, Key key, Deadline deadline,
                                           Space space = Space::rows) override;
    Promise<Result<Values>> read_ahead(Partition partition, std::vector<Key> keys, Deadline deadline,
                                       Space space) override;
    Task<Result<Page>> scan(Partition partition, Range range, std::size_t most_rows, Deadline deadline,
                            Space space = Space::rows) override;
    Task<Result<std::optional<Row>>> last(Partition partition, Range range, Deadline deadline) override;
    Task<Result<std::vector<Partition>>> partitions(PartitionKind kind, std::uint64_t from, Deadline deadline) override;
    Health health() const override;

    // What was found in the logs when the store was opened (store/rocksdb/salvage.h): the owners of
    // `touched` partitions check what depends on the records that were lost.
    const SalvageReport& salvaged() const;
    CommitFigures figures() const;

    // While everything goes on; each blocks, maybe for minutes. The folder's parent must exist; a second backup
    // into one folder writes only what is new (store/rocksdb/backup.h, which has restore() too).
    Result<BackupReport> back_up(const std::string& folder);
    Result<VerifyReport> verify();
    // Gives the room of erased bodies back without waiting until it is worth it (garbage.h).
    void collect_garbage_soon();

private:
    struct Parts;
    explicit RocksStore(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace posthouse::store
