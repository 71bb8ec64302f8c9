// Attempts: taking jobs in turn, filing into our own mailboxes, handing to the carrier, and what follows.
#include "mta/queue/queue.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr std::size_t deliveries_at_once = 100;  // of one item
constexpr std::size_t most_unwritten = 2'000;  // settlements a shard; then attempts wait for the disk
constexpr auto look_again = 5ms;
constexpr int notice_tries = 10;
constexpr auto first_notice_pause = 100ms;
constexpr auto longest_notice_pause = 10s;
// What cannot be told of yet is looked at again.
constexpr Duration untold_pause = 1h;

smtp::RecipientFate deferred_by_a_bug(std::string_view what)
{
    smtp::RecipientFate fate;
    fate.status = "4.3.0";
    fate.reason = "a fault of this server: " + std::string(what);
    return fate;
}

}  // namespace

Task<void> Queue::serve(SlotPtr slot)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    // Whoever began this goes on first: attempts that begin one another would pile up on the stack.
    co_await asio::post(executor, use_task);
    for (;;) {
        std::optional<Job> job = board_.next(slot);
        begin_attempts(executor);  // what this one's end, or its long line, has made room for
        if (!job)
            co_return;
        co_await attempt(std::move(*job));
    }
}

Task<void> Queue::attempt(Job job)
{
    const auto shared = std::make_shared<Job>(std::move(job));
    const bool local = shared->work->entries[shared->at.front()].is_local();
    if (stopping_) {
        for (const std::size_t at : shared->at)
            board_.put_back(shared->work, at);
        if (shared->tried)
            shared->tried->fulfil(false);
        co_return;
    }
    if (local)
        co_await deliver(shared);
    else
        co_await relay(shared);
}

// --- our own mailboxes ------------------------------------------------------------------------

struct Queue::Local {
    std::shared_ptr<Job> job;
    Letter letter;
    std::vector<std::optional<Error>> errors;  // one an entry of the job
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> workers = 0;
    Promise<bool> done;
};

Task<void> Queue::deliver(std::shared_ptr<Job> job)
{
    const auto local = std::make_shared<Local>();
    local->job = job;
    local->letter = job->letter;
    local->errors.resize(job->at.size());
    const bool is_whole = local->letter.digest != nullptr;
    Result<void> there;
    if (!is_whole) {
        Result<Letter> read = co_await load_letter(content(), job->work->item);
        if (read)
            local->letter = std::move(*read);
        else
            there = fail(ErrorCode::corrupt, read.error().text);  // whatever it is, it is not the recipient's fault
    }
    if (there) {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        const std::size_t workers = std::min(job->at.size(), deliveries_at_once);
        local->workers = workers;
        for (std::size_t i = 0; i < workers; ++i)
            services_.tasks.spawn_here(executor, "queue delivery", deliver_next(local));
        co_await local->done.get();
    } else {
        report(LogLevel::alarm, job->work->item.id, "a queued message cannot be read; it stays as it is",
               there.error());
        std::ranges::fill(local->errors, there.error());
    }
    if (job->tried)
        job->tried->fulfil(true);
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < job->at.size(); ++i) {
        const Entry& entry = job->work->entries[job->at[i]];
        const std::shared_ptr<const Policy> policy = policies_.of(entry.lane());
        Attempted attempted{job->work->item, entry, *policy, time_.now(), {}};
        if (!local->errors[i]) {
            outcomes.push_back(judge_filed(attempted));
            continue;
        }
        attempted.pause = with_jitter(policy->delay_after(entry.attempts + 1), services_.random);
        smtp::RecipientFate fate = fate_of(*local->errors[i], entry.recipient.path.text());
        if (was_interrupted(fate)) {
            outcomes.push_back({entry, std::nullopt});
            continue;
        }
        outcomes.push_back(judge(attempted, fate));
        tell(entry, fate, outcomes.back());
    }
    co_await settle(job, std::move(outcomes));
}

// We are stopping, and nobody has said anything: that was no attempt.
bool Queue::was_interrupted(const smtp::RecipientFate& fate) const
{
    return stopping_ && fate.fate == smtp::Fate::deferred && fate.reply.code == 0;
}

// One of a job's workers: takes entries until none is left.
Task<void> Queue::deliver_next(std::shared_ptr<Local> local)
{
    for (;;) {
        const std::size_t index = local->next++;
        if (index >= local->job->at.size())
            break;
        local->errors[index] = co_await deliver_one(local, index);
    }
    if (--local->workers == 0)
        local->done.fulfil(true);
}

Task<std::optional<Error>> Queue::deliver_one(std::shared_ptr<Local> local, std::size_t index)
{
    const Work& work = *local->job->work;
    const Entry& entry = work.entries[local->job->at[index]];
    mailbox::Delivery delivery;
    delivery.message = work.item.id;
    delivery.delivery = entry.delivery;
    delivery.reverse_path = work.item.envelope.reverse_path.text();
    delivery.account = entry.account;
    delivery.recipient = entry.recipient.path.text();
    delivery.subaddress = entry.subaddress;
    delivery.content = local->letter.content;
    delivery.digest = local->letter.digest;
    delivery.arrived = work.item.arrived;
    delivery.quota = mailbox::Quota::exempt;  // accepted already
    try {
        const Result<mailbox::Filed> filed = co_await services_.courier.deliver(std::move(delivery));
        if (filed)
            co_return std::nullopt;
        co_return filed.error();
    } catch (const std::exception& bug) {
        services_.log.write(LogLevel::error, "mta/queue", work.item.id, "a delivery ended with a bug",
                            {{"what", bug.what()}});
        co_return Error{ErrorCode::internal, bug.what()};
    }
}

// --- other hosts ------------------------------------------------------------------------------

smtp::Shipment Queue::shipment_of(const Job& job) const
{
    const Item& item = job.work->item;
    smtp::Shipment shipment;
    shipment.message = item.id;
    shipment.domain = job.work->entries[job.at.front()].lane();
    shipment.envelope = item.envelope;
    for (const std::size_t at : job.at)
        shipment.envelope.recipients.push_back(job.work->entries[at].recipient);
    shipment.size = item.size;
    shipment.eight_bit = item.eight_bit;
    shipment.utf8_header = item.utf8_header;
    shipment.content = [services = content(), work = job.work,
                        letter = job.letter]() -> std::unique_ptr<smtp::MessageSource> {
        return std::make_unique<ContentSource>(services, work, letter);
    };
    return shipment;
}

Task<void> Queue::relay(std::shared_ptr<Job> job)
{
    const WorkPtr work = job->work;
    const std::string lane = work->entries[job->at.front()].lane();
    const std::string destination = co_await destination_of(lane);
    std::vector<smtp::RecipientFate> fates;
    std::string bug;
    try {
        fates = co_await services_.carrier->carry(shipment_of(*job));
    } catch (const std::exception& thrown) {
        bug = thrown.what();
    }
    if (fates.size() != job->at.size()) {
        services_.log.write(LogLevel::error, "mta/queue", work->item.id, "carrying a message ended with a bug",
                            {{"what", bug}});
        fates.assign(job->at.size(), deferred_by_a_bug(bug));
    }
    const std::shared_ptr<const Policy> policy = policies_.of(lane);
    if (!stopping_)
        note_host(destination, fates, *policy);
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < job->at.size(); ++i) {
        const Entry& entry = work->entries[job->at[i]];
        const std::shared_ptr<const Policy> own = policies_.of(entry.lane());
        if (was_interrupted(fates[i])) {
            outcomes.push_back({entry, std::nullopt});
            continue;
        }
        const bool again = fates[i].fate == smtp::Fate::deferred;
        const Duration pause =
            again ? with_jitter(own->delay_after(entry.attempts + 1), services_.random) : Duration{0};
        outcomes.push_back(judge({work->item, entry, *own, time_.now(), pause}, fates[i]));
        tell(entry, fates[i], outcomes.back());
    }
    co_await settle(job, std::move(outcomes));
}

// A host that answered for one recipient has answered.
void Queue::note_host(const std::string& destination, const std::vector<smtp::RecipientFate>& fates,
                      const Policy& policy)
{
    const bool failed = std::ranges::all_of(fates, &smtp::RecipientFate::host_failed);
    if (failed)
        board_.host_failed(destination, policy, fates.front().reason);
    else
        board_.answered(destination);
}

void Queue::tell(const Entry& entry, const smtp::RecipientFate& fate, const Outcome& outcome) const
{
    const bool relayed = fate.fate == smtp::Fate::relayed;
    const std::string_view step = outcome.stays ? "waits" : relayed ? "relayed" : "failed";
    const std::string result = fate.reply.code != 0 ? fate.reply.line() : fate.status;
    const std::string recipient = entry.recipient.path.text();
    const std::uint32_t attempts = entry.attempts + 1;
    if (services_.recorder.wanted() && outcome.stays)
        services_.recorder.wait({.message = entry.item,
                                 .room = "mta/queue",
                                 .recipient = recipient,
                                 .until = time_.to_wall(outcome.stays->due),
                                 .attempts = attempts,
                                 .result = result,
                                 .reason = fate.reason});
    else if (services_.recorder.wanted())
        services_.recorder.step({.message = entry.item,
                                 .room = "mta/queue",
                                 .step = step,
                                 .result = result,
                                 .reason = fate.reason,
                                 .recipient = recipient,
                                 .next_host = relayed ? std::string_view(fate.remote_mta) : std::string_view(),
                                 .next_id = relayed ? std::string_view(fate.remote_id) : std::string_view()});
    services_.log.write(relayed ? LogLevel::info : LogLevel::warning, "mta/queue", entry.item, step,
                        {{"recipient", recipient},
                         {"host", fate.remote_mta},
                         {"reply", result},
                         {"reason", fate.reason},
                         {"attempt", std::to_string(attempts)}});
}

// --- what follows -----------------------------------------------------------------------------

Task<void> Queue::settle(std::shared_ptr<Job> job, std::vector<Outcome> outcomes)
{
    Settlement settlement;
    settlement.work = job->work;
    std::vector<smtp::NoticeRecipient> told;
    std::vector<bool> owed(job->at.size());  // it must not leave before its sender is told
    for (std::size_t i = 0; i < job->at.size(); ++i) {
        Outcome& outcome = outcomes[i];
        const bool untold = outcome.notice && !outcome.stays && !notices_.can_tell() &&
            outcome.notice->kind == smtp::NoticeKind::failed;
        if (untold) {  // accepted is accepted: it stays until its sender can be told
            Entry& entry = outcome.stays.emplace(job->work->entries[job->at[i]]);
            ++entry.attempts;
            entry.last = outcome.notice->fate;
            entry.last_attempt = time_.now();
            entry.due = time_.now() + untold_pause;
        } else if (outcome.notice) {
            owed[i] = outcome.notice->kind == smtp::NoticeKind::failed;
            told.push_back(std::move(*outcome.notice));
        }
        settlement.changes.push_back({job->at[i], std::move(outcome.stays)});
    }
    ++busy_;
    const bool complete = told.empty() || co_await add_notices(&settlement, job->letter, std::move(told));
    if (!complete) {  // we are stopping: who failed comes up again at the next start
        std::vector<Settlement::Change> written;
        for (std::size_t i = 0; i < settlement.changes.size(); ++i) {
            if (owed[i])
                board_.put_back(job->work, settlement.changes[i].at);
            else
                written.push_back(std::move(settlement.changes[i]));
        }
        settlement.changes = std::move(written);
    }
    Ledger& ledger = ledger_of(job->work->item.id);
    if (!settlement.changes.empty())
        ledger.hand_in(std::move(settlement));
    while (ledger.waiting() > most_unwritten && !stopping_)
        co_await sleep_for(look_again);
    --busy_;
}

// What cannot be made now is made a little later: a failed recipient does not leave the queue before his
// sender's notice comes into it. False: we are stopping.
Task<bool> Queue::add_notices(Settlement* settlement, Letter letter, std::vector<smtp::NoticeRecipient> told)
{
    Duration pause = first_notice_pause;
    for (int tries = 1;; ++tries) {
        Result<std::vector<Accepted>> made = co_await notices_.make(settlement->work, letter, told);
        if (made) {
            settlement->notices = std::move(*made);
            co_return true;
        }
        report(LogLevel::error, settlement->work->item.id, "a notice to the sender could not be made; trying again",
               made.error());
        const bool damaged = made.error() == ErrorCode::corrupt || made.error() == ErrorCode::not_found;
        if (damaged && tries >= notice_tries) {  // the message cannot be read: its sender is told without it
            letter.content.bytes = std::make_shared<const std::string>();
            continue;
        }
        if (stopping_)
            co_return false;
        co_await sleep_for(pause);
        pause = std::min<Duration>(pause * 2, longest_notice_pause);
    }
}

}  // namespace posthouse::mta::queue
