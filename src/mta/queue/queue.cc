#include "mta/queue/queue.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr auto store_patience = 30s;

}  // namespace

Queue::Queue(QueueServices services, DispatchLimits limits) :
    services_(services),
    time_(services.clock),
    policies_(services.store, services.ids, services.clock),
    board_({services.clock, time_, policies_, services.random}, limits),
    notices_({services.store, services.blobs, services.directory, services.mailboxes, services.notices, policies_,
              time_, services.ids, services.clock, services.log})
{
    const auto on_notice = [this](WorkPtr work, Letter letter) {
        ++busy_;
        services_.tasks.spawn(services_.loops[next_loop_++], "queue notice",
                              begin_notice(std::move(work), std::move(letter)));
    };
    for (std::uint64_t shard = 0; shard < shards; ++shard)
        ledgers_[shard] =
            std::make_unique<Ledger>(LedgerServices{services.store, services.blobs, services.loops, services.ids,
                                                    services.clock, services.log, services.tasks, board_},
                                     shard, on_notice);
}

Queue::~Queue() = default;

Deadline Queue::soon() const { return Deadline::in(services_.clock, store_patience); }

void Queue::report(LogLevel level, Id id, std::string_view what, const Error& error) const
{
    services_.log.write(level, "mta/queue", id, what,
                        {{"why", std::string(to_string(error.code)) + ": " + error.text}});
}

// --- acceptance -------------------------------------------------------------------------------

Task<Result<void>> Queue::accept(Accepted accepted, Duration patience)
{
    prepare(accepted, services_.ids, policies_, time_);
    Result<void> safe = co_await hold_blob(services_.blobs, services_.clock, accepted.item);
    if (!safe)
        co_return safe;
    Letter letter = accepted.letter;
    const WorkPtr work = work_of(Accepted{accepted.item, accepted.entries, {}});
    // Before it is on disk: who finds its rows there finds it here, and owned.
    board_.enter(work);
    safe = co_await commit_accepted(accepted);
    if (!safe) {
        board_.withdraw(work);
        co_return safe;
    }
    board_.expect_event(shard_of(work->item.id), work->item.next_event);
    const std::vector<Promise<bool>> tried = co_await set_out(work, std::move(letter));
    const LoopExecutor executor = co_await asio::this_coro::executor;
    begin_attempts(executor);
    const SteadyTime until = services_.clock.steady() + patience;
    for (const Promise<bool>& local : tried) {
        const Duration left = std::chrono::floor<Duration>(until - services_.clock.steady());
        if (left <= Duration{0})
            break;
        co_await local.ready_within(services_.clock, left);
    }
    co_return Result<void>{};
}

Task<Result<void>> Queue::commit_accepted(const Accepted& accepted)
{
    store::Batch batch;
    batch.partition = partition_of(accepted.item.id);
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::intake;
    put_accepted(batch, accepted.item, accepted.entries, accepted.letter);
    const store::Outcome outcome = co_await store::commit_surely(services_.store, std::move(batch), soon());
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    co_return Result<void>{};
}

Task<std::string> Queue::destination_of(std::string lane)
{
    if (lane.empty() || services_.carrier == nullptr)
        co_return lane;
    co_return co_await services_.carrier->destination_of(std::move(lane));
}

// Entries that are taken go into the ready lists, those of one destination together. Answers promises of
// when those of our own mailboxes have been tried.
Task<std::vector<Promise<bool>>> Queue::set_out(WorkPtr work, Letter letter)
{
    const WallTime now = time_.now();
    std::vector<std::pair<std::string, Job>> jobs;
    std::map<std::string, std::size_t> open;  // of each destination, the job that takes more
    std::string lane;
    std::string destination;
    for (std::size_t at = 0; at < work->entries.size(); ++at) {
        const Entry& entry = work->entries[at];
        const bool waits = entry.due > now || (!entry.is_local() && services_.carrier == nullptr);
        if (waits) {
            board_.put_back(work, at);
            continue;
        }
        if (jobs.empty() || entry.lane() != lane) {
            lane = entry.lane();
            destination = co_await destination_of(lane);
        }
        const std::size_t most = lane.empty() ? most_in_local_job : smtp::Carrier::most_recipients;
        const auto found = open.find(destination);
        if (found == open.end() || jobs[found->second].second.at.size() >= most) {
            open[destination] = jobs.size();
            jobs.emplace_back(destination, Job{work, {}, letter, std::nullopt});
        }
        jobs[open[destination]].second.at.push_back(at);
    }
    std::vector<Promise<bool>> tried;
    for (auto& [name, job] : jobs) {
        if (name.empty())
            job.tried = tried.emplace_back();
        const std::string domain = work->entries[job.at.front()].lane();
        board_.offer(name, domain, std::move(job));
    }
    co_return tried;
}

Task<void> Queue::begin_notice(WorkPtr work, Letter letter)
{
    co_await set_out(std::move(work), std::move(letter));
    const LoopExecutor executor = co_await asio::this_coro::executor;
    begin_attempts(executor);
    --busy_;
}

// As many attempts as there are places for.
void Queue::begin_attempts(LoopExecutor executor)
{
    while (!stopping_) {
        SlotPtr slot = board_.begin();
        if (!slot)
            return;
        services_.tasks.spawn_here(executor, "queue attempts", serve(std::move(slot)));
    }
}

void Queue::stop()
{
    stopping_ = true;
    for (const std::unique_ptr<Ledger>& ledger : ledgers_)
        ledger->stop();
    board_.wake();
}

std::optional<SteadyTime> Queue::rests_until() const
{
    const auto idle = [](const std::unique_ptr<Ledger>& ledger) { return ledger->is_idle(); };
    if (busy_ > 0 || !std::ranges::all_of(ledgers_, idle))
        return std::nullopt;
    return board_.rests_until();
}

}  // namespace posthouse::mta::queue
