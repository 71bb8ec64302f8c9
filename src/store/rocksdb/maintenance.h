// The store's long work, one piece at a time, on a thread of its own: backup, verification, garbage.
//
// Threads: any but loops. Lifetime: engine, packer and log outlive it; answers come before stop() returns.
#pragma once

#include "store/rocksdb/backup.h"
#include "store/rocksdb/engine.h"
#include "store/rocksdb/instance.h"
#include "store/rocksdb/packing.h"
#include "store/rocksdb/verify.h"

#include <condition_variable>
#include <deque>
#include <thread>

namespace posthouse::store {

class Maintenance {
public:
    Maintenance(Engine& engine, Packer& packer, Log& log);
    ~Maintenance();  // stop()s

    // Both block. At most 8 wait; the next one is answered `unavailable`.
    Result<BackupReport> back_up(const std::string& folder);
    Result<VerifyReport> verify();
    // Asked for by the keeper; forgotten if one waits already. `thorough`: the disk is nearly full.
    void collect_garbage_soon(bool thorough);
    void stop();

private:
    using Job = std::move_only_function<void(std::shared_ptr<Instance>)>;
    bool enqueue(Job job);
    template <class T> Result<T> run(std::function<Result<T>(Instance&)> work);
    void work();
    void collect(Instance& instance, bool thorough);

    Engine& engine_;
    Packer& packer_;
    Log& log_;
    std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<Job> jobs_;
    std::atomic<bool> collecting_{false};
    std::atomic<bool> stopping_{false};
    std::jthread thread_;
};

}  // namespace posthouse::store
