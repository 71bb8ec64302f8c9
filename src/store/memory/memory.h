// The store in memory, for tests: the same contract, and switches for everything that can go wrong.
//
// Threads: any. A commit becomes visible and safe at one instant, after `delay`; what is in flight
// when crash() is called never happened.
#pragma once

#include "store/store.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>

namespace posthouse::store {

enum class Landed : bool { no, yes };

class MemoryStore final : public Store {
public:
    explicit MemoryStore(const Clock& clock) : clock_(clock) { }

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

    // The n-th commit from now (1: the next) answers `outcome`, and is applied only with Landed::yes.
    void fail_commit(std::uint64_t n, Outcome outcome, Landed landed = Landed::no);
    // From the n-th commit from now on every one answers `unavailable`, as if the program had ended before it; 0: as
    // usual.
    void stop_at_commit(std::uint64_t n);
    // The n-th read from now (get, scan, last, partitions) answers `error`.
    void fail_read(std::uint64_t n, ErrorCode error);
    void set_delay(Duration delay);  // of every commit
    // From hold() to release() no commit ends; those handed in wait, in order.
    void hold();
    void release();
    // `low_space` refuses intake, `read_only` every commit.
    void set_health(Health health);
    // The power cut, which also ends a hold: drops commits in flight (they answer `unavailable`) and lazy ones that no
    // synced commit followed.
    void crash();
    std::uint64_t commits() const;  // answered `ok`, so far
    std::uint64_t reads() const;

private:
    struct Rows {
        std::map<Key, Value> rows;
        std::map<Key, Value> bodies;
        CommitId head = 0;
        std::map<Key, Value>& in(Space space) { return space == Space::rows ? rows : bodies; }
    };
    struct Flight {  // one commit between its call and its answer
        Batch batch;
        std::optional<Promise<bool>> released;
        std::optional<Outcome> outcome;
    };
    // What a partition was before the lazy commits that no synced one has followed yet.
    using Undo = std::map<Partition, std::optional<Rows>>;

    void land_until(const std::shared_ptr<Flight>& flight);
    Outcome land(const Batch& batch);
    Outcome refusal(const Batch& batch) const;
    void apply(const Batch& batch);
    std::optional<Error> read_refusal(Deadline deadline, const Key& key = {});

    const Clock& clock_;
    mutable std::mutex mutex_;
    std::map<Partition, Rows> partitions_;
    std::deque<std::shared_ptr<Flight>> flights_;
    Undo undo_;
    Duration delay_{0};
    bool holding_ = false;
    std::vector<std::shared_ptr<Flight>> held_;
    Health health_ = Health::good;
    std::uint64_t landed_ = 0;
    std::optional<std::uint64_t> stopped_at_;
    std::uint64_t answered_ok_ = 0;
    std::uint64_t reads_ = 0;
    std::map<std::uint64_t, std::pair<Outcome, Landed>> commit_faults_;
    std::map<std::uint64_t, ErrorCode> read_faults_;
};

}  // namespace posthouse::store
