// The store: ordered keys and values, atomic commits with preconditions; and blobs.
//
// A narrow waist. Everything that must last goes through it: messages, indexes, queue, directory,
// journeys. Engines: rocksdb/ (one machine), memory/ (tests); postgres/ (cluster) comes later.
// docs/store-layout.md states every key and value.
//
// Threads: every member from any thread, awaited on a loop; the answer comes back on that loop.
// Lifetime: the store outlives every task that uses it.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::store {

// The unit of atomicity, and of moving to another node. No batch crosses partitions.
enum class PartitionKind : std::uint8_t {
    account = 1,
    queue = 2,
    directory = 3,
    journey = 4,
    blobs = 5,
    system = 6,
    search = 7,
};

struct Partition {
    PartitionKind kind;
    std::uint64_t id = 0;  // account id (search: too); shard of the queue; day of the journey; 0 where there is one
    friend auto operator<=>(const Partition&, const Partition&) = default;
};

// A key inside its partition: a tuple, encoded so that byte order is tuple order (store/key.h).
// The engine puts the virtual shard (hash of the partition) and the partition before it.
using Key = std::string;
using Value = std::string;

// Bulk values (message bodies to 64 KiB, chunks of blobs) live apart from the small rows that are
// scanned, so that listing a mailbox does not read past its bodies. Chosen per operation; a key
// exists in each space independently.
enum class Space : std::uint8_t { rows, bodies };

struct Put {
    Key key;
    Value value;
    Space space = Space::rows;
};
struct Erase {
    Key key;
    Space space = Space::rows;
};
struct EraseRange {  // [from, until); an empty `until` means to the partition's end
    Key from;
    Key until;
    Space space = Space::rows;
};
struct Check {  // in Space::rows
    Key key;
    std::optional<Value> equals;  // nullopt: must be absent
};

using CommitId = Id;  // unique per logical commit; the engine keeps the last one in the partition's head

// What a commit is for: below the disk's intake floor (HOSTILE F6) `intake` is refused with
// `unavailable`, while `upkeep` goes on from the reserve. Upkeep is what gives room or adds next to
// nothing: deletes, flags, the queue's bookkeeping, sweeping.
enum class Purpose : std::uint8_t { intake, upkeep };

// `synced`: safe on disk before `ok`. `lazy`: written in order with everything else and visible at
// `ok`, survives a crash of the process, but a power cut or a failed sync may take it back until the
// next synced commit to the same partition is `ok`, or a second has passed. For what can be made
// again (journey, search) and for blobs' chunks, which their one last synced commit makes safe.
enum class Durability : std::uint8_t { synced, lazy };

struct Batch {
    Partition partition;
    CommitId id = 0;
    std::vector<Check> checks;
    std::vector<Put> puts;
    std::vector<Erase> erases;
    std::vector<EraseRange> erase_ranges;  // applied first, then erases, then puts
    Purpose purpose = Purpose::intake;
    Durability durability = Durability::synced;

    // As counted against Limits.
    std::size_t bytes() const;
    std::size_t operations() const;
};

enum class Outcome {
    ok,  // safe on disk (and replicated)
    conflict,  // a check did not hold; nothing was written
    unknown,  // may or may not have landed: resolve()
    unavailable,  // nothing was written; try again later (disk full, shutting down, deadline before start)
    fenced,  // another node owns the partition
    too_large,  // over Limits; nothing was written
    corrupt,  // a row that had to be read fails its checksum
};
std::string_view to_string(Outcome outcome);
Error to_error(Outcome outcome);  // not for ok

// The strictest engine's, enforced on every engine.
struct Limits {
    std::size_t key_bytes = 1024;
    std::size_t value_bytes = 64 * 1024;
    std::size_t batch_bytes = 1024 * 1024;
    std::size_t batch_operations = 2000;
    std::size_t page_rows = 1000;
    std::size_t page_bytes = 1024 * 1024;
};

// The answer every engine gives before it looks at anything else: `ok` or `too_large`.
Outcome judge(const Batch& batch, const Limits& limits);
// The same for what a read names.
Result<void> judge(const Key& key, const Limits& limits);

struct Row {
    Key key;
    Value value;
};
struct Range {  // [from, until); an empty `until` means to the partition's end
    Key from;
    Key until;
};
struct Page {
    std::vector<Row> rows;
    bool more = false;  // then go on with from = rows.back().key + '\0'
};

// What the operator and the doors need to know when writing does not work (HOSTILE F5 to F7).
enum class Health {
    good,
    low_space,  // below the intake floor: new mail is refused, deletes go on from the reserve
    read_only,  // a sync or write failed; the engine tries to reopen
};

class Store {
public:
    virtual ~Store() = default;

    // All of it inside one partition, safe on disk before `ok`. Groups all callers into one sync.
    // Commits of one caller to one partition are applied in the order they were handed in.
    virtual Task<Outcome> commit(Batch batch, Deadline deadline) = 0;
    // After `unknown`: did it land? By a locking compare, never by a plain read. ok or conflict.
    // Asked before the partition's next commit; only the last commit is remembered.
    virtual Task<Outcome> resolve(Batch batch, Deadline deadline) = 0;

    virtual Task<Result<std::optional<Value>>> get(Partition partition, Key key, Deadline deadline,
                                                   Space space = Space::rows) = 0;
    // Begins to read several values at once, which together fit into memory; awaited later, while the caller does
    // something else. In the order of `keys`; nullopt: there is none.
    using Values = std::vector<std::optional<Value>>;
    virtual Promise<Result<Values>> read_ahead(Partition partition, std::vector<Key> keys, Deadline deadline,
                                               Space space) = 0;
    // In key order, at most limits().page_rows rows and page_bytes bytes; each page is consistent.
    virtual Task<Result<Page>> scan(Partition partition, Range range, std::size_t most_rows, Deadline deadline,
                                    Space space = Space::rows) = 0;
    // The last row in the range, if any.
    virtual Task<Result<std::optional<Row>>> last(Partition partition, Range range, Deadline deadline) = 0;
    // Every partition of a kind that has rows, in order of id, from `from` on; at most 1,000 (fewer
    // do not mean the end: go on behind the last one until the answer is empty).
    virtual Task<Result<std::vector<Partition>>> partitions(PartitionKind kind, std::uint64_t from,
                                                            Deadline deadline) = 0;

    virtual Health health() const = 0;
    const Limits& limits() const { return limits_; }

private:
    Limits limits_;
};

// commit(), and resolve() once where the outcome is `unknown`. Never answers `unknown` for a batch
// that resolve() could judge.
Task<Outcome> commit_surely(Store& store, Batch batch, Deadline deadline);

// Message content too big for a row: immutable, written once, read in pieces. It lives in chunk
// rows of at most 64 KiB.
using BlobId = Id;

struct BlobInfo {
    BlobId id;
    std::uint64_t size;
};

// Takes pieces in order; false stops the reading (not an error).
using Sink = std::function<Task<bool>(std::string piece)>;

// Writes one blob piece by piece. Dropped without finish(): an orphan that the sweeper erases.
class BlobWriter {
public:
    virtual ~BlobWriter() = default;
    virtual Task<Result<void>> append(std::string piece, Deadline deadline) = 0;
    virtual Task<Result<BlobInfo>> finish(Deadline deadline) = 0;  // safe on disk on return
};

// Threads: a writer belongs to one task; the rest from any.
class Blobs {
public:
    virtual ~Blobs() = default;
    // Invisible until a commit refers to it; orphans are swept after a day.
    virtual std::unique_ptr<BlobWriter> create() = 0;
    virtual Task<Result<void>> read(BlobId id, std::uint64_t offset, std::uint64_t length, Sink sink,
                                    Deadline deadline) = 0;
    // Rows `blob/id/account`: the blob stays while one is there.
    virtual Task<Result<void>> add_reference(BlobId id, Partition holder, Deadline deadline) = 0;
    virtual Task<Result<void>> drop_reference(BlobId id, Partition holder, Deadline deadline) = 0;
    // Erases blobs without references that were begun before `time`; answers how many.
    virtual Task<Result<std::size_t>> sweep(WallTime time, Deadline deadline) = 0;
};

}  // namespace posthouse::store
