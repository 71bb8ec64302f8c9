// The queue: holds what was accepted until each recipient has it. For now its recipients are all
// local; relaying to other hosts comes with the next issue.
//
// Every legal state of an entry, and the step that leads on, is in README.md beside this file.
//
// Threads: accept() and the counts from any loop; run() on the loop it was spawned on.
// Lifetime: outlives every session; stop() and the group's wait() before the store goes.
#pragma once

#include "base/log.h"
#include "base/recorder.h"
#include "mailbox/courier.h"
#include "mta/queue/rows.h"

#include <atomic>
#include <mutex>
#include <unordered_set>

namespace posthouse::mta::queue {

struct QueueServices {
    store::Store& store;
    store::Blobs& blobs;
    mailbox::Courier& courier;
    Loops& loops;
    IdSource& ids;
    const Clock& clock;
    Recorder& recorder;
    Log& log;
    TaskGroup& tasks;
};

// What is accepted at once: a message and everybody who shall have it.
struct Accepted {
    Item item;
    std::vector<Entry> entries;
    mailbox::Content content;
    std::shared_ptr<const message::Digest> digest;
};

class Queue {
public:
    explicit Queue(QueueServices services) : services_(services) { }

    // One commit into the item's partition; then delivers to every recipient, waiting at most
    // `patience` for that: who is not served by then is served in the background.
    // Success: safe on disk. The item's id and the entries' delivery ids are given here.
    Task<Result<void>> accept(Accepted accepted, Duration patience);

    // Takes up what a former run left, then retries what is due, until stop().
    Task<void> run();
    void stop();  // from any thread

    // Every item that waits, for `check --audit` and the status page.
    struct Waiting {
        Item item;
        std::vector<Entry> entries;
    };
    Task<Result<std::vector<Waiting>>> waiting(std::size_t most);

private:
    struct Attempt;
    Task<Result<void>> commit_accepted(const Accepted& accepted);
    Task<Result<void>> commit(store::Batch batch);
    Task<void> start(std::shared_ptr<Attempt> attempt);
    Task<void> deliver_next(std::shared_ptr<Attempt> attempt);
    Task<void> deliver_one(std::shared_ptr<Attempt> attempt, std::size_t index);
    Task<void> settle(std::shared_ptr<Attempt> attempt);

    Task<void> attempt_due(store::Partition shard, WallTime until);
    Task<void> attempt_item(ItemId item, WallTime until);
    Task<Result<std::shared_ptr<Attempt>>> load(ItemId item, WallTime until);
    Task<Result<std::vector<Entry>>> entries_at(ItemId item);
    Task<Result<void>> load_content(Accepted& accepted);

    bool begin(ItemId item);
    void end(ItemId item);
    void begin_look();
    std::pair<Duration, Promise<bool>> end_look();
    void look_again_at(WallTime time);

    QueueServices services_;
    std::mutex mutex_;
    std::unordered_set<ItemId> under_way_;  // by mutex_: no item is attempted twice at once
    WallTime next_look_ = WallTime::max();  // by mutex_
    Promise<bool> wake_;  // by mutex_: ends the present sleep of run()
    std::atomic<bool> stopping_ = false;
};

}  // namespace posthouse::mta::queue
