// Writes what became of entries: one ledger a shard, the only one to change an item's rows once it is
// accepted. While one commit is under way the next gathers what comes in, so that many settled
// items cost one commit.
//
// A commit that fails is tried again until it lands: what was delivered must not be delivered again.
//
// Threads: hand_in() from any loop. Lifetime: its services outlive the group's wait().
#pragma once

#include "base/log.h"
#include "mta/queue/board.h"

namespace posthouse::mta::queue {

// What is accepted at once: a message and everybody who shall have it.
struct Accepted {
    Item item;
    std::vector<Entry> entries;
    Letter letter;
};

WorkPtr work_of(Accepted accepted);  // without the letter

// What happened to one item; its entries in it are taken by who hands it in.
struct Settlement {
    WorkPtr work;
    struct Change {
        std::size_t at = 0;
        std::optional<Entry> entry;  // as it is from now on; nullopt: it is done with
    };
    std::vector<Change> changes;
    std::optional<WallTime> next_event;  // a new one for the item
    // What the sender is told, in the same commit: an item of the same shard. So it is told once, however
    // often the machine stops.
    std::vector<Accepted> notices;
};

struct LedgerServices {
    store::Store& store;
    store::Blobs& blobs;
    Loops& loops;
    IdSource& ids;
    const Clock& clock;
    Log& log;
    TaskGroup& tasks;
    Board& board;
};

class Ledger {
public:
    // What was accepted along with a settlement begins its way.
    using OnNotice = std::function<void(WorkPtr notice, Letter letter)>;
    Ledger(LedgerServices services, std::uint64_t shard, OnNotice on_notice) :
        services_(services), shard_(shard), on_notice_(std::move(on_notice))
    {
    }

    void hand_in(Settlement settlement);
    // Fulfilled when it is written, or given up at the end.
    Promise<bool> hand_in_and_tell(Settlement settlement);
    // Settlements that wait. Who makes them slows down when they are many.
    std::size_t waiting() const;
    bool is_idle() const;
    void stop() { stopping_ = true; }

private:
    struct Entered {
        Settlement settlement;
        std::optional<Promise<bool>> written;
        bool ends_item = false;
    };
    void enter(Entered entered);
    Task<void> write();
    std::vector<Entered> take_batch(store::Batch& batch);
    void put(store::Batch& batch, Entered& entered);
    Task<bool> commit(store::Batch batch);
    void finish(Entered& entered);
    Task<void> drop_blob(store::BlobId blob, ItemId item);

    LedgerServices services_;
    std::uint64_t shard_;
    OnNotice on_notice_;
    mutable std::mutex mutex_;
    std::vector<Entered> waiting_;
    bool writing_ = false;
    std::atomic<bool> stopping_ = false;
};

// Gives what is accepted its numbers and times: queue time, delivery ids, when each is due, when to look
// whether it is late. `arrived` and the envelope are set.
void prepare(Accepted& accepted, IdSource& ids, const Policies& policies, const QueueClock& time);

// Who holds an item's blob: the item, not its shard, since several items can share one.
inline store::Partition holder_of(ItemId item) { return {store::PartitionKind::queue, item}; }

Task<Result<void>> hold_blob(store::Blobs& blobs, const Clock& clock, Item item);

// The rows of an item that is accepted. Its entries have their numbers and times.
void put_accepted(store::Batch& batch, const Item& item, const std::vector<Entry>& entries, const Letter& letter);

}  // namespace posthouse::mta::queue
