// What was told of messages, kept and found again.
//
// The writer takes what the Recording holds a few times a second and commits it lazily, in as few batches as will do.
// Nobody ever waits for it but who reads: reading writes first what was told until then.
//
// Threads: run() on the loop it was spawned on; every other member from any loop.
// Lifetime: outlives every reader; stop() and the group's wait() before the store goes.
#pragma once

#include "base/log.h"
#include "journey/recording.h"
#include "store/store.h"

#include <map>
#include <set>

namespace posthouse::journey {

struct Retention {
    unsigned days = 30;
    std::uint64_t bytes = 1024ULL * 1024 * 1024;
};

struct Services {
    store::Store& store;
    IdSource& ids;
    const Clock& clock;
    Workers& workers;  // packs and unpacks chunks
    Log& log;
};

// What to look for. Everything that is given must hold.
struct Query {
    std::string from;  // an address
    std::string to;
    std::string message_id;  // without brackets
    Id account = 0;  // who sent it or has it in the mailbox; 0: anybody
    std::optional<WallTime> since;
    std::optional<WallTime> until;
    std::size_t most = 50;  // the newest ones
};

// A message and what was told of it, its sessions' shared beginnings included, in order of time.
struct Told {
    Id message = 0;
    std::vector<Event> events;
};

// What was written behind a chunk.
struct Tail {
    ChunkId last = 0;  // to go on from
    std::vector<Event> events;
};

class Journeys {
public:
    // `recording`: of a running house; null: nothing is written, only read.
    Journeys(Services services, Recording* recording, Retention retention);

    Task<void> run();  // writes and sweeps, until stop(); with a recording somebody must run it
    void stop();  // from any thread; what is held is still written
    // Everything told before this call is in the store when it comes back (or dropped, and counted).
    Task<void> flush();

    // Errors: not_found where nothing is known of it (any longer); the store's.
    Task<Result<Told>> of_message(Id message);
    Task<Result<std::vector<Event>>> of_session(Id session);
    // The newest messages that fit, newest last. Their events are those of the message alone.
    Task<Result<std::vector<Told>>> search(Query query);
    // What is written behind `last`, as soon as there is something, at most after `patience`. 0: from now on.
    Task<Result<Tail>> follow(ChunkId last, Duration patience);

    // Takes away what is too old or too much. Answers the bytes that are left.
    Task<Result<std::uint64_t>> sweep();
    std::uint64_t dropped() const { return dropped_; }  // events, since the start

private:
    using Visit = std::function<bool(ChunkId, const Digest&)>;  // false: enough

    Task<void> write_held();
    Task<bool> commit(store::Batch batch);
    void note_losses(std::uint64_t events);
    void hurry();

    Task<Result<void>> scan(ChunkId from, Visit visit);  // every digest from there on, in order
    Task<Result<std::set<ChunkId>>> chunks_of(std::set<Id> subjects, Id from, std::size_t most);
    Task<Result<std::vector<Event>>> events_in(std::set<ChunkId> chunks, std::set<Id> subjects);
    Task<Result<std::set<Id>>> candidates(Query query);
    Task<Result<std::uint64_t>> size_of(store::Partition day);
    Task<Result<void>> erase_oldest(store::Partition day, std::uint64_t surplus);
    Task<Result<void>> erase(store::Partition day, ChunkId until);
    std::uint64_t await_next_chunk(const Promise<bool>& next);
    void forget_follower(std::uint64_t place);
    Deadline patience() const;

    Services services_;
    Recording* recording_;
    Retention retention_;
    std::mutex mutex_;
    Promise<bool> told_;  // by mutex_: there is something to write
    Promise<bool> hurried_;  // by mutex_: and somebody waits for it
    std::vector<Promise<bool>> waiting_;  // by mutex_: for what was told until now to be written
    std::map<std::uint64_t, Promise<bool>> followers_;  // by mutex_: who waits for the next chunk, by place
    std::uint64_t last_follower_ = 0;  // by mutex_
    bool has_ended_ = false;  // by mutex_: nothing is written any more
    bool stopping_ = false;  // by mutex_
    std::atomic<std::uint64_t> dropped_ = 0;
    // The writer's own.
    std::uint64_t written_since_sweep_ = 0;
    std::uint64_t unreported_ = 0;
    SteadyTime next_report_{};
};

}  // namespace posthouse::journey
