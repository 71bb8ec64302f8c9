// The owner of one account: the only one who writes it.
//
// Requests from all loops meet in its inbox. A round plans as many of them as one batch holds, commits
// it, and answers each for itself; what arrives meanwhile is the next round. Each commit checks that the head is
// what the owner last wrote: who finds it otherwise forgets all it knows and reads anew.
//
// It works on the loop of whoever finds it idle, so that a lone caller's request crosses no loop on its way to the
// store and back. One at a time: `working_` goes from hand to hand under the mutex.
//
// Threads: submit(), published(), moment() and forget_mailboxes() from any; what is for requests that run alone on the
// loop that works just then. Lifetime: every loop that submits outlives the work.
#pragma once

#include "mailbox/file_request.h"
#include "mailbox/published.h"

#include <deque>

namespace posthouse::mailbox {

// How long the house waits for a commit or a read before it gives up on it.
inline constexpr auto commit_patience = 30s;
inline constexpr auto read_patience = 30s;
// What a request is refused with when nobody knows whether it is on disk. Callers are told `unavailable`.
inline constexpr ErrorCode may_have_landed = ErrorCode::timeout;

// Counts who is at work, so that stop() can wait for them. Threads: any.
class Activity {
public:
    bool begin();  // false: stopping
    void end();
    bool stopping() const;
    Task<void> stop();  // ends when the last has ended

private:
    mutable std::mutex mutex_;
    std::size_t working_ = 0;
    bool stopping_ = false;
    std::vector<Promise<bool>> waiting_;
};

class TextIndex;

class Owner final : public std::enable_shared_from_this<Owner> {
public:
    Owner(AccountId account, const MailboxServices& services, std::shared_ptr<Activity> activity, Loop& loop);

    AccountId account() const { return account_; }
    const MailboxServices& services() const { return services_; }
    Published& published() { return published_; }
    Recent& recent() { return recent_; }
    const std::shared_ptr<TextIndex>& index() const { return index_; }
    // Counts commits: what a caller reads after asking this shows every commit up to it.
    std::uint64_t moment() const { return moment_.load(); }
    void submit(RequestPtr request);
    SteadyTime used() const { return used_.load(); }
    void touch() { used_ = services_.clock.steady(); }

    // ---- for requests that run alone
    const State* state() const { return state_.get(); }
    Draft draft() const;
    // Safe on disk, applied and published; or an error, and nothing happened (or nobody knows: then the state has
    // been dropped, and intents are settled when it is read again).
    Task<Result<void>> commit(Draft draft);
    Task<Result<void>> load_mailbox(Need need);
    store::Store& store() const { return services_.store; }
    store::Partition partition() const { return partition_of(account_); }
    Deadline deadline(Duration patience) const { return Deadline::in(services_.clock, patience); }
    void drop_state();
    // Erases every row of the account and lets its blobs go. Afterwards every request fails with not_found, until
    // somebody opens the account anew.
    Task<Result<void>> erase_everything();
    void open_again() { erased_ = false; }

    // ---- for who keeps house
    bool busy() const;
    // Forgets mailboxes that nobody has looked at since `time`; answers how many entries are in memory then. nullopt:
    // somebody is at work.
    std::optional<std::size_t> forget_mailboxes(SteadyTime time);

private:
    enum class Landing : std::uint8_t { landed, lost, refused };

    // Whoever may begin to work goes on until there is nothing left to do.
    bool may_begin();  // by mutex_
    void begin_on(LoopExecutor loop);
    static Task<void> work(std::shared_ptr<Owner> self);
    bool take_inbox();
    Task<void> round();
    Task<bool> make_ready(Request& request);
    Task<Landing> try_commit(Draft draft, Error& error);
    Task<store::Outcome> resolve(store::Batch batch);
    void apply(Draft draft);
    void again(std::vector<RequestPtr> requests);
    void refuse_all(const Error& error);
    void send(std::vector<RequestPtr> answers);
    void continue_clearing();

    Task<Result<void>> load();
    Task<Result<void>> read_rows(State& state);
    Task<Result<void>> finish_erasing();
    Task<Result<void>> settle_intents();
    Task<Result<void>> undo_copy(Id id, IntentRow intent);
    Task<Result<void>> load_tail(NodeId node);
    Task<Result<std::vector<BlockPtr>>> read_blocks(MailboxRow row);
    Task<Result<BlockPtr>> read_one_block(MailboxRow row, Uid number);
    void step_over(NodeId node, Uid damaged_block);
    void take_row(State& state, const store::Row& row);
    void note_damage(std::string_view what, const Error& error);

    const AccountId account_;
    const MailboxServices services_;
    const std::shared_ptr<Activity> activity_;
    Loop& loop_;
    Published published_;
    const std::shared_ptr<TextIndex> index_;
    std::atomic<std::uint64_t> moment_ = 0;
    std::atomic<SteadyTime> used_;

    mutable std::mutex mutex_;
    std::vector<RequestPtr> inbox_;  // by mutex_
    bool working_ = false;  // by mutex_

    std::deque<RequestPtr> pending_;
    std::unique_ptr<State> state_;  // null: not loaded
    Recent recent_;
    bool clearing_ = false;  // a ClearRequest waits or runs
    bool clearing_failed_ = false;
    std::atomic<bool> erased_ = false;
};

// Sends each request's answer to its caller, with one wake of each loop.
void send_answers(std::vector<RequestPtr> answers);

// The rows of a range, one page after another, all of them. For what is known to be bounded.
Task<Result<std::vector<store::Row>>> scan_all(store::Store& store, const Clock& clock, store::Partition partition,
                                               store::Range range, std::size_t most = 10'000'000);

}  // namespace posthouse::mailbox
