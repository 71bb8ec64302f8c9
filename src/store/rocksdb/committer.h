// The commit thread: gathers what all sessions handed in while the last sync ran, and writes it as
// one synced batch.
//
// Everything that decides about a commit happens on this one thread, in the order in which commits
// were handed in: checks see the database and every earlier batch of the same group. All answers of
// a group are given after its write; if that fails, all of them are `unavailable`.
//
// Threads: submit() from a loop; the rest from any. Lifetime: engine and clock outlive it.
#pragma once

#include "store/rocksdb/engine.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace posthouse::store {

struct CommitFigures {
    std::uint64_t commits = 0;  // answered `ok`
    std::uint64_t groups = 0;  // written
    std::uint64_t syncs = 0;
    std::uint64_t bytes = 0;  // of keys and values
};

class Committer {
public:
    Committer(Engine& engine, const Clock& clock);
    ~Committer();  // stop()s
    // `on_activity` is called on the commit thread when it begins to work after a pause.
    void start(std::function<void()> on_activity);

    Task<Outcome> commit(Batch batch, Deadline deadline);
    Task<Outcome> resolve(Batch batch, Deadline deadline);

    // Finishes what was handed in, then refuses everything. Blocks.
    void stop();

    // For the keeper: answers those whose deadline has passed: `unavailable` where nothing has been
    // written, `unknown` where the write hangs. True: the commit thread is at work.
    bool answer_overdue();
    // Lazy commits that no sync has followed yet.
    bool has_unsynced() const { return unsynced_.load(std::memory_order_relaxed); }
    void sync_soon();

    CommitFigures figures() const;

private:
    enum class Kind { commit, resolve, sync };
    enum class Stage { waiting, writing, answered };
    struct Request {
        Kind kind = Kind::commit;
        Batch batch;
        Deadline deadline;
        Promise<Outcome> promise;
        Outcome outcome = Outcome::unavailable;  // decided by the commit thread
        std::atomic<Stage> stage{Stage::waiting};
        bool advance(Stage from, Stage to) { return stage.compare_exchange_strong(from, to); }
    };
    using Requests = std::vector<std::shared_ptr<Request>>;

    Task<Outcome> hand_in(Kind kind, Batch batch, Deadline deadline);
    void work();
    bool take_group(Requests& requests);
    void gather(std::unique_lock<std::mutex>& lock);
    void write(Requests& requests);
    void write_on(Instance& instance, Requests& requests);
    rocksdb::Status write_when_ready(Instance& instance, rocksdb::WriteBatch& writes, bool sync);
    void answer(const Requests& requests);

    Engine& engine_;
    const Clock& clock_;
    std::function<void()> on_activity_;

    mutable std::mutex mutex_;
    std::condition_variable handed_in_;
    std::deque<std::shared_ptr<Request>> queue_;
    Requests in_work_;  // copies, for answer_overdue()
    bool sync_wanted_ = false;
    bool idle_ = false;
    bool stopping_ = false;
    bool keeper_knows_ = false;  // that there is work at all
    std::size_t wanted_ = 0;  // by mutex_: so many waiting requests end gather() early; 0: nobody gathers

    // Of the last group; the committing thread's own.
    std::size_t last_group_ = 0;
    Duration last_write_{};

    std::atomic<bool> unsynced_{false};
    std::atomic<std::uint64_t> commits_{0};
    std::atomic<std::uint64_t> groups_{0};
    std::atomic<std::uint64_t> syncs_{0};
    std::atomic<std::uint64_t> bytes_{0};
    std::uint64_t bytes_since_look_ = 0;
    std::jthread thread_;
};

}  // namespace posthouse::store
