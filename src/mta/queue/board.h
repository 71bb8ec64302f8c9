// All that the queue knows in memory, behind one mutex: items in work, ready lists, what waits on disk.
//
// It decides and remembers; it reads and writes nothing. Every entry has at most one owner at a time:
// who has taken it. So nothing is attempted twice at once, whatever runs beside.
//
// Threads: any. Lifetime: its services outlive it.
#pragma once

#include "mta/queue/agenda.h"
#include "mta/queue/destinations.h"
#include "mta/queue/queue_clock.h"

#include <mutex>
#include <unordered_set>

namespace posthouse::mta::queue {

struct BoardServices {
    const Clock& clock;
    const QueueClock& time;
    const Policies& policies;
    Random& random;
};

class Board {
public:
    explicit Board(BoardServices services, DispatchLimits limits = {}) : services_(services), destinations_(limits) { }

    // --- items in memory ---
    // A new one, before it is on disk: all of its entries are taken.
    void enter(const WorkPtr& work);
    void withdraw(const WorkPtr& work);  // it did not get there
    // The item, pinned; null: it is not in memory, and who asked loads it, and says so by loaded();
    // `busy`: somebody loads it now.
    struct Found {
        WorkPtr work;
        bool busy = false;
    };
    Found pin(ItemId item);
    void loaded(ItemId item, const WorkPtr& work);  // pinned; null: it cannot be had
    void unpin(const WorkPtr& work);

    // --- entries ---
    bool take(const WorkPtr& work, std::size_t at);  // false: somebody has it, or it is gone
    enum class Taken : std::uint8_t { now, by_others, gone };
    Taken take_or_tell(const WorkPtr& work, std::size_t at);
    // Whether it has an entry of this number still.
    bool has(const WorkPtr& work, std::uint16_t index) const;
    // A copy of what is left, for who looks on; sending: somebody is at it.
    struct Seen {
        Entry entry;
        bool taken = false;
    };
    std::vector<Seen> look(const WorkPtr& work) const;
    // What is known in memory about rows as they were read: who is being sent to, who is gone.
    void mark(ItemId item, std::vector<Seen>& seen) const;
    // The lane of an entry that waits on disk and is due; nullopt: it does not, or is not.
    std::optional<std::string> due_in(const WorkPtr& work, std::size_t at, WallTime now) const;
    void put_back(const WorkPtr& work, std::size_t at);  // as it was
    // The ledger has written it.
    void changed(const WorkPtr& work, std::size_t at, Entry entry);
    void gone(const WorkPtr& work, std::size_t at);

    // --- jobs ---
    // Entries that are taken become ready; what there is no room for is put back.
    void offer(const std::string& destination, std::string_view domain, Job job);
    SlotPtr begin();
    std::optional<Job> next(const SlotPtr& slot);  // its entries are taken
    void answered(const std::string& destination);
    void host_failed(const std::string& destination, const Policy& policy, std::string reason);
    // Why nothing is tried there now; empty: it is not so.
    std::string backing_off(const std::string& destination) const;

    // --- lanes ---
    void waits(std::string_view lane, std::uint64_t shard, WallTime due);
    std::optional<Agenda::InHand> due_lane();
    // How many jobs to read for it; 0: it is put off.
    std::size_t room(const std::string& destination, const Agenda::InHand& lane);
    void put_off(const Agenda::InHand& lane, Duration by);
    void hurry(std::string_view lane, const std::string& destination);

    // --- events: for each shard, when the first one is due ---
    void expect_event(std::uint64_t shard, WallTime time);
    std::optional<WallTime> due_events(std::uint64_t shard);  // from where to read; forgotten here

    // --- waiting for any of it ---
    // Until when the keeper may sleep (nullopt: not at all), and what ends its sleep early; awake() when it does
    // not sleep any longer. A time, not a span: the clock may be moved before the sleep has begun.
    std::pair<std::optional<SteadyTime>, Promise<bool>> rest(Duration most);
    void awake();
    void wake();
    void tidy();

    struct Counts {
        std::size_t items = 0;  // in memory
        std::size_t ready = 0;
        std::size_t running = 0;
        std::size_t lanes = 0;
        std::size_t destinations = 0;
    };
    Counts counts() const;
    // The keeper sleeps, and nothing is being attempted: until when. It may not have told the clock of that yet.
    std::optional<SteadyTime> rests_until() const;
    // An item's event is the ledger's to set and the keeper's to read.
    void set_event(const WorkPtr& work, WallTime time);
    WallTime event_of(const WorkPtr& work) const;

private:
    Destinations::Now now() const { return {services_.clock.steady(), services_.time.now()}; }
    void waits_locked(std::string_view lane, std::uint64_t shard, WallTime due);
    void to_disk(const WorkPtr& work, std::size_t at);
    void forget_if_idle(const WorkPtr& work);
    void hurry_unparked();
    void expect_look();
    void wake_locked();

    BoardServices services_;
    mutable std::mutex mutex_;
    Destinations destinations_;
    Agenda agenda_;
    std::unordered_map<ItemId, WorkPtr> items_;
    std::unordered_set<ItemId> loading_;
    std::array<WallTime, shards> events_ = filled();
    Promise<bool> wake_;
    bool woken_ = false;
    WallTime sleeps_until_{};  // queue time; the epoch: the keeper is awake and will look
    SteadyTime wakes_at_;  // the same by the clock that it sleeps by

    static std::array<WallTime, shards> filled()
    {
        std::array<WallTime, shards> times;
        times.fill(Agenda::nothing);
        return times;
    }
};

// Keeps an item in memory while somebody looks at it.
class Pin {
public:
    Pin() = default;
    Pin(Board& board, WorkPtr work) : board_(&board), work_(std::move(work)) { }
    Pin(Pin&& other) noexcept : board_(other.board_), work_(std::move(other.work_)) { other.work_ = nullptr; }
    Pin& operator=(Pin&& other) noexcept
    {
        std::swap(board_, other.board_);
        std::swap(work_, other.work_);
        return *this;
    }
    ~Pin()
    {
        if (work_)
            board_->unpin(work_);
    }
    explicit operator bool() const { return work_ != nullptr; }
    const WorkPtr& work() const { return work_; }
    Work* operator->() const { return work_.get(); }

private:
    Board* board_ = nullptr;
    WorkPtr work_;
};

}  // namespace posthouse::mta::queue
