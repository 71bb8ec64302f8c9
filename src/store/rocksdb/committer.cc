#include "store/rocksdb/committer.h"

#include "store/rocksdb/group.h"

#include <exception>

namespace posthouse::store {

namespace {

// What one write carries at most: enough for a thousand sessions, little enough for memory.
constexpr std::size_t most_group_bytes = 8 << 20;
constexpr std::size_t most_group_requests = 1024;

constexpr auto stall_pause = 1ms;

constexpr auto longest_gathering = 1ms;

// How much may be written before the disk's free space is looked at again.
constexpr std::uint64_t look_at_space_every = 4 << 20;

}  // namespace

Committer::Committer(Engine& engine, const Clock& clock) : engine_(engine), clock_(clock) { }

Committer::~Committer() { stop(); }

void Committer::start(std::function<void()> on_activity)
{
    on_activity_ = std::move(on_activity);
    thread_ = std::jthread([this] { work(); });
}

Task<Outcome> Committer::commit(Batch batch, Deadline deadline)
{
    return hand_in(Kind::commit, std::move(batch), deadline);
}

Task<Outcome> Committer::resolve(Batch batch, Deadline deadline)
{
    return hand_in(Kind::resolve, std::move(batch), deadline);
}

Task<Outcome> Committer::hand_in(Kind kind, Batch batch, Deadline deadline)
{
    const auto request = std::make_shared<Request>();
    request->kind = kind;
    request->batch = std::move(batch);
    request->deadline = deadline;
    bool wake = false;
    {
        const std::scoped_lock lock(mutex_);
        if (stopping_)
            co_return Outcome::unavailable;
        queue_.push_back(request);
        wake = std::exchange(idle_, false) || (wanted_ != 0 && queue_.size() >= wanted_);
    }
    if (wake)
        handed_in_.notify_one();
    const Outcome outcome = co_await request->promise.get();
    co_return outcome;
}

void Committer::stop()
{
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        idle_ = false;
    }
    handed_in_.notify_one();
    if (thread_.joinable())
        thread_.join();
}

void Committer::sync_soon()
{
    {
        const std::scoped_lock lock(mutex_);
        sync_wanted_ = true;
        idle_ = false;
    }
    handed_in_.notify_one();
}

void Committer::work()
{
    Requests requests;
    while (take_group(requests)) {
        const SteadyTime begun = std::chrono::steady_clock::now();
        write(requests);
        answer(requests);
        last_write_ = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun);
        last_group_ = requests.size();
        requests.clear();
    }
}

// Where several commit at once, those whose last commit was just answered are about to hand in the next:
// waiting for them a quarter of the time that a write takes makes fewer and larger groups. Where the disk is slow that
// is long enough for all; where it is fast, waiting longer would leave the processors idle. One alone never waits.
void Committer::gather(std::unique_lock<std::mutex>& lock)
{
    if (last_group_ < 2 || sync_wanted_ || stopping_)
        return;
    wanted_ = std::min(2 * last_group_, most_group_requests);
    if (queue_.size() < wanted_)
        handed_in_.wait_for(lock, std::min<Duration>(last_write_ / 4, longest_gathering),
                            [this] { return queue_.size() >= wanted_ || sync_wanted_ || stopping_; });
    wanted_ = 0;
}

// Blocks until there is something to do; false: stopped, and everything has been done.
bool Committer::take_group(Requests& requests)
{
    std::unique_lock lock(mutex_);
    in_work_.clear();
    bool paused = !std::exchange(keeper_knows_, true);
    if (queue_.empty() && !sync_wanted_ && !stopping_) {
        idle_ = true;
        handed_in_.wait(lock, [this] { return !idle_; });
        paused = true;
    }
    gather(lock);
    std::size_t bytes = 0;
    while (!queue_.empty() && requests.size() < most_group_requests && bytes < most_group_bytes) {
        bytes += queue_.front()->batch.bytes();
        requests.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    if (std::exchange(sync_wanted_, false) && unsynced_) {
        requests.push_back(std::make_shared<Request>());
        requests.back()->kind = Kind::sync;
    }
    in_work_ = requests;
    const bool go_on = !requests.empty() || !stopping_;
    // The keeper, once woken, sees in_work_: it cannot fall asleep again before this work is done.
    lock.unlock();
    if (paused)
        on_activity_();
    return go_on;
}

void Committer::write(Requests& requests)
{
    std::erase_if(requests, [](const auto& request) { return !request->advance(Stage::waiting, Stage::writing); });
    const std::shared_ptr<Instance> instance = engine_.to_write();
    if (!instance || requests.empty())
        return;  // every outcome is still `unavailable`
    try {
        write_on(*instance, requests);
    } catch (const std::exception& bug) {
        // Out of memory, most likely: what stands in the log now is not known, so it is made known.
        for (const auto& request : requests)
            request->outcome = Outcome::unavailable;
        engine_.fail(instance.get(), bug.what());
    }
}

// RocksDB makes writers wait while its flushes and compactions lag behind. Left to wait inside, a
// writer whose flush has failed would wait for ever; so it is we who wait.
rocksdb::Status Committer::write_when_ready(Instance& instance, rocksdb::WriteBatch& writes, bool sync)
{
    rocksdb::WriteOptions options;
    options.sync = sync;
    options.no_slowdown = true;
    rocksdb::Status written = instance.db().Write(options, &writes);
    while (written.IsIncomplete() && engine_.health() != Health::read_only) {
        std::this_thread::sleep_for(stall_pause);
        written = instance.db().Write(options, &writes);
    }
    return written;
}

void Committer::write_on(Instance& instance, Requests& requests)
{
    Group group(instance, [this](const rocksdb::Status& damage) { return engine_.mend(damage); });
    const bool takes_intake = engine_.takes_intake();
    bool synced = false;
    std::uint64_t commits = 0;
    std::uint64_t bytes = 0;
    for (const auto& request : requests) {
        const Batch& batch = request->batch;
        switch (request->kind) {
        case Kind::resolve: request->outcome = group.resolve(batch); break;
        case Kind::sync: synced = true; break;
        case Kind::commit:
            if (request->deadline.passed(clock_) || (batch.purpose == Purpose::intake && !takes_intake))
                break;
            request->outcome = group.add(batch);
            if (request->outcome == Outcome::ok) {
                synced = synced || batch.durability == Durability::synced;
                bytes += batch.bytes();
                ++commits;
            }
        }
    }
    if (group.is_empty() && !synced)
        return;
    const bool sync = synced && !engine_.options().unsafe_no_sync;
    const rocksdb::Status written = write_when_ready(instance, group.writes(), sync);
    if (!written.ok()) {
        for (const auto& request : requests)
            request->outcome = Outcome::unavailable;
        engine_.fail(&instance, written.ToString());
        return;
    }
    engine_.wrote(instance.db().GetLatestSequenceNumber());
    unsynced_ = synced ? false : true;
    commits_ += commits;
    bytes_ += bytes;
    ++groups_;
    syncs_ += sync ? 1 : 0;
    bytes_since_look_ += bytes;
    if (bytes_since_look_ >= look_at_space_every) {
        bytes_since_look_ = 0;
        engine_.look_at_space();
    }
}

void Committer::answer(const Requests& requests)
{
    for (const auto& request : requests)
        if (request->kind != Kind::sync && request->advance(Stage::writing, Stage::answered))
            request->promise.fulfil(request->outcome);
}

bool Committer::answer_overdue()
{
    Requests all;
    bool waiting = false;
    {
        const std::scoped_lock lock(mutex_);
        // A write that hangs keeps the keeper awake: who comes behind it wakes nobody.
        waiting = !in_work_.empty();
        all = in_work_;
        all.insert(all.end(), queue_.begin(), queue_.end());
    }
    for (const auto& request : all) {
        if (request->stage == Stage::answered || request->kind == Kind::sync)
            continue;
        if (!request->deadline.passed(clock_))
            waiting = true;
        else if (request->advance(Stage::waiting, Stage::answered))
            request->promise.fulfil(Outcome::unavailable);
        else if (request->advance(Stage::writing, Stage::answered))
            request->promise.fulfil(request->kind == Kind::commit ? Outcome::unknown : Outcome::unavailable);
    }
    return waiting;
}

CommitFigures Committer::figures() const
{
    return {.commits = commits_, .groups = groups_, .syncs = syncs_, .bytes = bytes_};
}

}  // namespace posthouse::store
