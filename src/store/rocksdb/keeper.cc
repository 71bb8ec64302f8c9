#include "store/rocksdb/keeper.h"

#include <algorithm>

namespace posthouse::store {

namespace {

constexpr unsigned ticks_a_second = 5;
constexpr unsigned collection_pause_when_low = 2;  // seconds
constexpr std::uint64_t bytes_between_collections = 256 << 20;
constexpr unsigned longest_pause = 3 * ticks_a_second;  // between attempts to open anew (HOSTILE F6: 5 s)

}  // namespace

Keeper::Keeper(Engine& engine, Committer& committer, WaitingReads& reads, Maintenance& maintenance) :
    engine_(engine), committer_(committer), reads_(reads), maintenance_(maintenance), thread_([this] { work(); })
{
}

Keeper::~Keeper() { stop(); }

void Keeper::stop()
{
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    woken_.notify_one();
    if (thread_.joinable())
        thread_.join();
}

// Costs one atomic load while it is awake anyway.
void Keeper::wake()
{
    if (awake_.load() || awake_.exchange(true))
        return;
    const std::scoped_lock lock(mutex_);
    woken_.notify_one();
}

void Keeper::work()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        woken_.wait(lock, [this] { return stopping_ || awake_; });
        bool busy = true;
        while (!stopping_ && busy) {
            woken_.wait_for(lock, engine_.options().tick, [this] { return stopping_; });
            if (stopping_)
                break;
            lock.unlock();
            busy = tick();
            lock.lock();
        }
        awake_ = false;
        // Whoever handed something in before it saw awake_ false is seen by one more look.
        if (!stopping_) {
            lock.unlock();
            if (tick())
                awake_ = true;
            lock.lock();
        }
    }
}

bool Keeper::tick()
{
    ++ticks_;
    bool busy = committer_.answer_overdue();
    busy = reads_.answer_overdue() || busy;

    const bool unsynced = committer_.has_unsynced();
    if (unsynced && unsynced_seen_)
        committer_.sync_soon();
    unsynced_seen_ = unsynced;

    engine_.go_on_without_compaction();
    const CommitFigures figures = committer_.figures();
    const bool active = std::exchange(commits_seen_, figures.commits) != figures.commits;
    const Health health = engine_.health();
    look_for_garbage(figures, health);
    if (health == Health::read_only) {
        if (ticks_ >= next_attempt_) {
            attempts_ = engine_.try_again() ? 0 : attempts_ + 1;
            next_attempt_ = ticks_ + std::min(longest_pause, ticks_a_second * std::max(1u, attempts_));
        }
    } else if (active || (health == Health::low_space && ticks_ % ticks_a_second == 0)) {
        engine_.look_at_space();
    }
    return busy || unsynced || active || engine_.health() != Health::good;
}

// Now and then while much is written; at once where the disk is nearly full and something was erased.
void Keeper::look_for_garbage(const CommitFigures& figures, Health health)
{
    const bool low = health == Health::low_space && figures.commits != commits_at_collection_ &&
        ticks_ % (collection_pause_when_low * ticks_a_second) == 0;
    const bool due = health == Health::good && figures.bytes - bytes_at_collection_ >= bytes_between_collections;
    if (!low && !due)
        return;
    commits_at_collection_ = figures.commits;
    bytes_at_collection_ = figures.bytes;
    maintenance_.collect_garbage_soon(low);
}

}  // namespace posthouse::store
