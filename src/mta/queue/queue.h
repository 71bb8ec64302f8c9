// The queue: holds what was accepted until each recipient has it, or its sender knows that he will not.
//
// Every state of an entry, and the step that leads on, is in README.md beside this file. The parts: board.h
// (what is in memory: ready lists, lanes, destinations), ledger.h (writes what happened), outcome.h (what
// an attempt means), notices.h (what senders are told), queue_clock.h (time).
//
// Threads: accept() and the operator's calls from any loop; run() on the loop it was spawned on.
// Lifetime: outlives every session; stop() and the group's wait() before the store goes.
#pragma once

#include "base/recorder.h"
#include "mailbox/courier.h"
#include "mta/queue/content.h"
#include "mta/queue/notices.h"

#include <atomic>

namespace posthouse::mta::queue {

struct QueueServices {
    store::Store& store;
    store::Blobs& blobs;
    directory::Directory& directory;
    mailbox::Mailboxes& mailboxes;
    mailbox::Courier& courier;
    smtp::Carrier* carrier;  // null: nothing leaves the house, remote entries wait
    smtp::NoticeWriter* notices;  // null: senders are not told, entries that failed wait
    Loops& loops;
    IdSource& ids;
    const Clock& clock;
    Random& random;
    Recorder& recorder;
    Log& log;
    TaskGroup& tasks;
};

class Queue {
public:
    explicit Queue(QueueServices services, DispatchLimits limits = {});
    ~Queue();

    // One commit into the item's partition; then delivers to every recipient of ours, waiting at most
    // `patience` for that, and begins to send to the others. Success: safe on disk. The item's id is
    // given; the entries' numbers and times are given here.
    Task<Result<void>> accept(Accepted accepted, Duration patience);

    // Takes up what a former run left, then brings up what is due, until stop().
    Task<void> run();
    void stop();  // from any thread

    // --- for the operator, the audit and the status page (operator.cc) ---
    struct Waiting {
        Item item;
        std::vector<Board::Seen> entries;
    };
    // All of it, item by item in pages; stops where `see` answers false. What is accepted or settled
    // meanwhile may be seen or not.
    using See = std::function<bool(const Waiting& waiting)>;
    Task<Result<void>> each(See see);
    Task<Result<std::size_t>> count(std::size_t most);  // items
    Task<Result<Waiting>> show(ItemId item);
    // The first bytes of its content: the header, for people.
    Task<Result<std::string>> beginning(ItemId item, std::size_t most);
    // Why nothing is tried for the lane now; empty: nothing is known against it.
    Task<std::string> delay_of(std::string lane);

    enum class Action : std::uint8_t {
        retry,  // due now, whatever its destination did
        hold,  // until it is released
        release,
        fail,  // given up: the sender is told
        drop,  // nobody is told
    };
    // To all entries of an item, or those for a domain. Answers to how many; what is being sent at this
    // moment is not among them. not_found: there is no such item.
    Task<Result<std::size_t>> act(ItemId item, Action action, std::string domain = {});
    // To all entries for a domain; empty: for all.
    Task<Result<std::size_t>> act_on_domain(std::string domain, Action action);

    Task<Result<void>> set_policy(std::string domain, std::optional<Policy> policy);
    Task<Result<std::vector<std::pair<std::string, Policy>>>> policies();
    std::shared_ptr<const Policy> policy_of(std::string_view domain) const { return policies_.of(domain); }
    const QueueClock& time() const { return time_; }
    Board::Counts counts() const { return board_.counts(); }
    // Nothing is being done, and nothing is due before: for tests that move the clock. nullopt: it is not so.
    std::optional<SteadyTime> rests_until() const;

private:
    Task<Result<void>> commit_accepted(const Accepted& accepted);
    Task<std::vector<Promise<bool>>> set_out(WorkPtr work, Letter letter);
    Task<std::string> destination_of(std::string lane);
    void begin_attempts(LoopExecutor executor);
    Task<void> begin_notice(WorkPtr work, Letter letter);

    // Attempts (attempt.cc).
    Task<void> serve(SlotPtr slot);
    Task<void> attempt(Job job);
    Task<void> deliver(std::shared_ptr<Job> job);
    struct Local;
    Task<void> deliver_next(std::shared_ptr<Local> local);
    Task<std::optional<Error>> deliver_one(std::shared_ptr<Local> local, std::size_t index);
    Task<void> relay(std::shared_ptr<Job> job);
    smtp::Shipment shipment_of(const Job& job) const;
    void note_host(const std::string& destination, const std::vector<smtp::RecipientFate>& fates, const Policy& policy);
    bool was_interrupted(const smtp::RecipientFate& fate) const;
    Task<void> settle(std::shared_ptr<Job> job, std::vector<Outcome> outcomes);
    Task<bool> add_notices(Settlement* settlement, Letter letter, std::vector<smtp::NoticeRecipient> told);
    void tell(const Entry& entry, const smtp::RecipientFate& fate, const Outcome& outcome) const;

    // Keeping (keeper.cc).
    Task<Result<void>> load_common();
    Task<void> take_up();
    Task<void> find_lanes(std::uint64_t shard);
    Task<void> read_ahead();
    Task<void> read_lane(Agenda::InHand lane);
    Task<std::size_t> read_shard(Agenda::InHand lane, std::uint64_t shard, std::string destination, std::size_t most);
    Task<bool> bring_up(Place place, std::string destination);
    Task<void> forget_stray(store::Key key, ItemId item);
    Task<void> keep_time(bool at_once);

    // Items (items.cc).
    Task<Result<Pin>> obtain(ItemId item);
    Task<Result<WorkPtr>> load(ItemId item);
    Task<Result<std::vector<Entry>>> entries_at(ItemId item);

    // What is late (events.cc).
    Task<void> handle_events(std::uint64_t shard);
    Task<void> handle_event(Event event);
    struct Late {
        Outcome outcome;
        bool unchanged = false;  // nothing is to be written
        WallTime next;  // when to look again
    };
    Late look_at(const Item& item, const Entry& entry, const Policy& policy, WallTime now, std::string reason) const;

    // Stores of before (former.cc).
    Task<void> convert_former(std::uint64_t shard);
    Task<Result<void>> convert_item(ItemId item, std::vector<store::Row> due_rows);

    Task<Result<std::vector<Waiting>>> with_entries(std::uint64_t shard, std::vector<store::Row> rows);
    Task<Result<std::size_t>> act_on(WorkPtr work, Action action, std::string domain, WallTime mark, bool wait);
    Task<std::optional<Settlement::Change>> change_by(WorkPtr work, std::size_t at, Action action, WallTime mark,
                                                      std::vector<smtp::NoticeRecipient>* told);

    Ledger& ledger_of(ItemId item) { return *ledgers_[shard_of(item)]; }
    ContentServices content() const { return {services_.store, services_.blobs, services_.clock}; }
    Deadline soon() const;
    void report(LogLevel level, Id id, std::string_view what, const Error& error) const;

    QueueServices services_;
    QueueClock time_;
    Policies policies_;
    Board board_;
    Notices notices_;
    std::array<std::unique_ptr<Ledger>, shards> ledgers_;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> loaded_ = false;  // policies and clock
    std::atomic<unsigned> busy_ = 0;  // settlements that are being made, keeper's rounds
    WallTime time_kept_;
    std::atomic<std::size_t> next_loop_ = 0;
};

}  // namespace posthouse::mta::queue
