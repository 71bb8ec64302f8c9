// The store's housekeeper: one thread that answers overdue commits, syncs lazy ones within a second,
// watches the disk's space, opens the store anew after a failure, and asks for the collection of garbage.
//
// It sleeps without a timer while nothing happens and all is well.
// Threads: wake() from any. Lifetime: all that it is given outlives it.
#pragma once

#include "store/rocksdb/committer.h"
#include "store/rocksdb/engine.h"
#include "store/rocksdb/maintenance.h"
#include "store/rocksdb/waiting_reads.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace posthouse::store {

class Keeper {
public:
    Keeper(Engine& engine, Committer& committer, WaitingReads& reads, Maintenance& maintenance);
    ~Keeper();
    void wake();
    void stop();

private:
    void work();
    // One look at everything; true: look again soon.
    bool tick();
    void look_for_garbage(const CommitFigures& figures, Health health);

    Engine& engine_;
    Committer& committer_;
    WaitingReads& reads_;
    Maintenance& maintenance_;
    std::atomic<bool> awake_{false};
    std::mutex mutex_;
    std::condition_variable woken_;
    bool stopping_ = false;
    std::uint64_t commits_seen_ = 0;
    std::uint64_t commits_at_collection_ = 0;
    std::uint64_t bytes_at_collection_ = 0;
    bool unsynced_seen_ = false;
    unsigned ticks_ = 0;
    unsigned next_attempt_ = 0;  // to open anew, in ticks
    unsigned attempts_ = 0;
    std::jthread thread_;
};

}  // namespace posthouse::store
