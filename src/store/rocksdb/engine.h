// The opened store as a whole: its folder, the instance in use, its health.
//
//            open                 a write or sync failed               reopened
//   (none) ───────▶ good ◀──▶ low_space ───────────────▶ read_only ───────────▶ good
//                       free space      (the old instance still reads)
//
// A failed write or sync is fatal for its instance: it is only read from then on, and the keeper
// (keeper.h) opens a new one as soon as the disk takes a write. Before that, what the failed write
// may have left in the log is cut off: its callers were told that nothing was written.
//
// Threads: any. Lifetime: outlives the committer and the keeper.
#pragma once

#include "base/log.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/instance.h"
#include "store/rocksdb/mender.h"
#include "store/rocksdb/options.h"
#include "store/rocksdb/salvage.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace posthouse::store {

class Engine {
public:
    static Result<std::unique_ptr<Engine>> open(RocksOptions options, Log& log);
    // Writes the memtables into tables when all went well. Nobody else uses the engine any more.
    ~Engine();

    // To read from; null for the moment in which an instance is exchanged.
    std::shared_ptr<Instance> to_read() const;
    // To write to; null while the health is read_only.
    std::shared_ptr<Instance> to_write() const;

    // After each write that went well.
    void wrote(std::uint64_t last_sequence) { last_sequence_.store(last_sequence, std::memory_order_relaxed); }
    // `instance` must never be written to again (one that is no longer in use: no effect).
    void fail(const Instance* instance, const std::string& why);

    // After a read met damage: true if it was put right and the read is worth another try. Blocks.
    bool mend(const rocksdb::Status& damage) { return damage.IsCorruption() && mend(damage.ToString()); }
    bool mend(const std::string& damage) { return mender_.mend(damage); }
    // A compaction met damage that cannot be put right: no compaction can pass it, so none is tried any
    // more, and writers no longer wait for them. For the keeper.
    void go_on_without_compaction();

    Health health() const;
    bool takes_intake() const { return health() == Health::good; }
    // Asks the file system for its free space and draws the conclusions.
    void look_at_space();
    // While read_only: opens a new instance if the disk takes writes. True: writing goes on.
    bool try_again();

    const RocksOptions& options() const { return options_; }
    // Of the first opening.
    const SalvageReport& salvaged() const { return salvaged_; }
    // Called when the health gets worse, from any thread.
    void on_trouble(std::function<void()> call);

private:
    Engine(RocksOptions options, Log& log, FolderLock lock);
    Result<SalvageReport> open_instance(std::uint64_t last_sequence);
    Result<std::shared_ptr<Instance>> open_or_mend();
    void on_background_failure(const rocksdb::Status& status);
    Result<void> open_first();
    std::shared_ptr<Instance> take_idle_instance();
    void put(std::shared_ptr<Instance> instance);
    void tell_trouble();
    Result<DiskSpace> space() const;
    bool has_room_to_open() const;

    RocksOptions options_;
    Log& log_;
    FolderLock lock_;
    Mender mender_;
    SalvageReport salvaged_;
    std::atomic<bool> compaction_damaged_{false};
    std::atomic<std::uint64_t> last_sequence_{~0ull};
    std::atomic<bool> low_space_{false};
    std::atomic<bool> failed_{false};

    std::mutex space_mutex_;  // held while looking at the space
    mutable std::mutex mutex_;
    std::shared_ptr<Instance> instance_;
    std::function<void()> on_trouble_;
};

}  // namespace posthouse::store
