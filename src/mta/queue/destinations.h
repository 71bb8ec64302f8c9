// Who is served next: the ready lists of all destinations, and the bounds on what is sent at once.
//
// A destination is what shares hosts (smtp::Carrier::destination_of); the empty name stands for our own
// mailboxes. Destinations take turns. Three things keep a dead or slow one from holding up others:
//
// - Where the last attempt has not reached a host, one shipment at a time goes, and those have places of
//   their own, apart from the places for destinations that are known to answer.
// - An attempt there that has lasted a second gives its place free and counts as slow. When as many
//   as may be are slow, one more is begun each half second all the same: in turn for the destination
//   that came last and the one that has waited longest, so that a good host behind thousands of dead
//   ones is found at once.
// - When a host fails, what is ready for the destination goes back to disk, and nothing is tried there
//   until its time comes.
//
// Threads: one at a time; the board has the mutex. Times: the world's steady time, and queue time for
// what is compared with rows.
#pragma once

#include "mta/queue/policy.h"
#include "mta/queue/work.h"

#include <list>
#include <map>
#include <set>
#include <unordered_map>

namespace posthouse::mta::queue {

struct DispatchLimits {
    unsigned answering = 500;  // shipments at once to destinations that answer
    unsigned trying = 200;  // to others
    unsigned slow = 800;  // of these, such as have lasted `slow_after`
    Duration slow_after = 1s;
    Duration trickle = 500ms;
    unsigned local = 100;  // items at once for our own mailboxes
    std::size_t ready = 20'000;  // jobs in ready lists; what is over stays on disk
    std::size_t ready_from_disk = 10'000;
    std::size_t window = 200;  // jobs that one destination reads ahead from disk
    std::size_t content_bytes = 64 * 1024 * 1024;  // of messages kept in memory for their first attempt
};

struct Destination;

// The right to make one attempt at a time at a destination.
struct Slot {
    Destination* destination = nullptr;
    bool trying = false;  // it was not known to answer when the attempt began
    bool slow = false;
    bool has_served = false;  // it has had a job: others may have the place now
    SteadyTime since;
    std::list<std::shared_ptr<Slot>>::iterator place;  // among the attempts that try, while not slow
};
using SlotPtr = std::shared_ptr<Slot>;

struct Destination {
    std::string name;
    std::shared_ptr<const Policy> policy;
    std::map<std::pair<int, std::uint64_t>, Job> ready;  // RFC 6710: higher priority first, then by age
    unsigned running = 0;
    bool answers = false;
    bool listed = false;  // in the list of those that wait for a place
    bool remembered = false;  // in `later_`
    unsigned failures = 0;  // of hosts, one after another
    WallTime not_before;  // queue time
    SteadyTime next_slot;  // by its rate
    SteadyTime last_begun;
    std::string reason;  // of the last failure
    std::set<std::string> parked;  // lanes with rows on disk that wait for room here
    bool is_local() const { return name.empty(); }
};

class Destinations {
public:
    explicit Destinations(DispatchLimits limits) : limits_(limits) { }

    struct Now {
        SteadyTime steady;
        WallTime queue;
    };

    // How many jobs of a lane may be read from disk for the destination; 0: not before `until`
    // (Agenda::nothing: when it has room again, and `lane` is named by unparked()).
    struct Room {
        std::size_t jobs = 0;
        WallTime until;
    };
    Room room(const std::string& name, const std::string& lane, const Now& now);
    // False: not now, it stays on disk. `keep_content`: there is room for its bytes in memory.
    bool offer(const std::string& name, std::shared_ptr<const Policy> policy, Job& job, const Now& now);

    // Who may begin: with a slot that is given back by take().
    SlotPtr begin(const Now& now);
    // Ends the slot's last attempt and begins the next; none: the slot is gone.
    std::optional<Job> take(const SlotPtr& slot, const Now& now);

    // Its host failed. What was ready comes back, to stay on disk.
    std::vector<Job> failed(const std::string& name, std::string reason, WallTime until);
    void answered(const std::string& name, const Now& now);
    // The operator wants it tried: it does not wait any longer.
    void forgive(const std::string& name, const Now& now);
    // Lanes that may be read again.
    std::vector<std::string> unparked() { return std::exchange(unparked_, {}); }

    const Destination* find(const std::string& name) const;
    // When begin() should be asked again although nothing happens.
    SteadyTime next_look(const Now& now) const;
    std::size_t running() const { return answering_ + trying_.size() + slow_ + local_; }
    std::size_t ready() const { return ready_; }
    std::size_t size() const { return all_.size(); }
    void forget_idle(const Now& now);

private:
    Destination& at(const std::string& name);
    unsigned allowed(const Destination& destination, const Now& now) const;
    bool is_hungry(const Destination& destination, const Now& now) const;
    void list(Destination& destination, const Now& now);
    void look_later(Destination& destination, SteadyTime when);
    Destination* first_hungry(std::list<Destination*>& line, bool newest, const Now& now);
    SlotPtr occupy(SlotPtr slot, Destination& destination, const Now& now);
    void vacate(Slot& slot);
    void count_slow(const Now& now);
    void take_out(Destination& destination, const Job& job);
    void unpark(Destination& destination);

    DispatchLimits limits_;
    std::unordered_map<std::string, std::unique_ptr<Destination>> all_;
    std::list<Destination*> local_line_, answering_line_, trying_line_;  // who waits for a place, oldest first
    std::list<SlotPtr> trying_;  // by their beginning
    std::multimap<SteadyTime, std::string> later_;
    std::vector<std::string> unparked_;
    unsigned answering_ = 0;
    unsigned slow_ = 0;
    unsigned local_ = 0;
    std::size_t ready_ = 0;
    std::size_t content_ = 0;
    std::uint64_t sequence_ = 0;
    SteadyTime next_trickle_;
    bool newest_ = true;
};

}  // namespace posthouse::mta::queue
