#include "mailbox/owner.h"

#include "mailbox/clear_request.h"
#include "mailbox/text_index.h"

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

constexpr int most_attempts = 4;  // of one request, when batches do not land
constexpr int most_resolves = 6;
const Error too_often{ErrorCode::unavailable, "the account changed under every attempt"};

}  // namespace

bool Activity::begin()
{
    const std::scoped_lock lock(mutex_);
    if (stopping_)
        return false;
    ++working_;
    return true;
}

void Activity::end()
{
    std::vector<Promise<bool>> waiting;
    {
        const std::scoped_lock lock(mutex_);
        if (--working_ > 0)
            return;
        waiting.swap(waiting_);
    }
    for (const auto& waiter : waiting)
        waiter.fulfil(true);
}

bool Activity::stopping() const
{
    const std::scoped_lock lock(mutex_);
    return stopping_;
}

Task<void> Activity::stop()
{
    const Promise<bool> ended;
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        if (working_ == 0)
            co_return;
        waiting_.push_back(ended);
    }
    co_await ended.get();
}

Owner::Owner(AccountId account, const MailboxServices& services, std::shared_ptr<Activity> activity, Loop& loop) :
    account_(account),
    services_(services),
    activity_(std::move(activity)),
    loop_(loop),
    index_(std::make_shared<TextIndex>(account, services_, activity_, loop)),
    used_(services.clock.steady())
{
}

bool Owner::may_begin()
{
    if (working_ || !activity_->begin())
        return false;
    working_ = true;
    return true;
}

void Owner::begin_on(LoopExecutor loop)
{
    asio::co_spawn(std::move(loop), work(shared_from_this()), [](std::exception_ptr) { });  // activity_ knows
}

void Owner::submit(RequestPtr request)
{
    touch();
    LoopExecutor loop = request->caller();
    bool begin = false;
    {
        const std::scoped_lock lock(mutex_);
        begin = may_begin();
        if (working_)
            inbox_.push_back(std::move(request));
    }
    if (request) {
        request->refuse({ErrorCode::cancelled, "the mailboxes are being closed"});
        std::vector<RequestPtr> refused;
        refused.push_back(std::move(request));
        send_answers(std::move(refused));
    }
    if (begin)
        begin_on(std::move(loop));
}

Draft Owner::draft() const { return Draft(*state_, services_.store.limits(), services_.clock.now()); }

bool Owner::take_inbox()
{
    const std::scoped_lock lock(mutex_);
    for (RequestPtr& request : inbox_)
        pending_.push_back(std::move(request));
    inbox_.clear();
    working_ = !pending_.empty();
    return working_;
}

Task<void> Owner::work(std::shared_ptr<Owner> self)
{
    for (bool more = true; more;) {
        std::string bug;
        try {
            more = self->take_inbox();
            if (more)
                co_await self->round();
        } catch (const std::exception& what) {
            bug = what.what();
        }
        if (!bug.empty()) {
            self->services_.log.write(LogLevel::alarm, "mailbox", self->account_, "a bug in the account's owner",
                                      {{"what", bug}});
            self->drop_state();
            self->refuse_all({ErrorCode::internal, bug});
        }
    }
    self->touch();
    self->activity_->end();
}

// What a round is made of: plan, commit, answer.
Task<void> Owner::round()
{
    if (!state_) {
        const Result<void> loaded = co_await load();
        if (!loaded) {
            refuse_all(loaded.error());
            co_return;
        }
    }
    Draft draft = this->draft();
    std::vector<RequestPtr> planned;
    std::vector<RequestPtr> answers;
    Request* partly = nullptr;  // stays in front of the others
    bool alone = false;
    while (!pending_.empty() && !partly && !draft.tree_changed()) {
        Request& request = *pending_.front();
        const bool ready = co_await make_ready(request);
        const Planned result = ready ? request.plan(draft) : Planned::refused;
        if (result == Planned::full && !draft.changed())
            throw std::logic_error("a request does not fit into any batch");
        if (result == Planned::full)
            break;
        if (result == Planned::alone) {
            alone = planned.empty() && !draft.changed();
            break;
        }
        if (result == Planned::part) {
            partly = &request;
            break;
        }
        (result == Planned::all ? planned : answers).push_back(std::move(pending_.front()));
        pending_.pop_front();
    }
    if (alone) {
        RequestPtr request = std::move(pending_.front());
        pending_.pop_front();
        co_await request->run(*this);
        answers.push_back(std::move(request));
    } else {
        Error error;
        const bool changed = draft.changed();
        const Landing landing = changed ? co_await try_commit(std::move(draft), error) : Landing::landed;
        if (partly && landing == Landing::landed) {
            partly->landed(*state_);
            partly->attempts = 0;
        } else if (partly && (landing == Landing::refused || ++partly->attempts >= most_attempts)) {
            partly->refuse(landing == Landing::refused ? error : too_often);
            answers.push_back(std::move(pending_.front()));
            pending_.pop_front();
        }
        if (landing == Landing::lost)
            again(std::exchange(planned, {}));
        for (RequestPtr& request : planned) {
            if (landing == Landing::landed)
                request->landed(*state_);
            else
                request->refuse(error);
            answers.push_back(std::move(request));
        }
    }
    send_answers(std::move(answers));
    continue_clearing();
}

// False: it could not be made ready, and has been refused.
Task<bool> Owner::make_ready(Request& request)
{
    if (request.takes_room() && services_.store.health() == store::Health::low_space) {
        request.refuse({ErrorCode::no_space, "the disk is nearly full"});
        co_return false;
    }
    while (const auto need = request.need(*state_)) {
        const Result<void> loaded = co_await load_mailbox(*need);
        if (!loaded) {
            request.refuse(loaded.error());
            co_return false;
        }
    }
    co_return true;
}

Task<Result<void>> Owner::commit(Draft draft)
{
    Error error{ErrorCode::conflict, "the account was changed by somebody else"};
    const Landing landing = co_await try_commit(std::move(draft), error);
    if (landing == Landing::landed)
        co_return Result<void>{};
    co_return fail(std::move(error));
}

// landed: applied and published. lost: nothing of it is on disk, try again. refused: answer with `error`.
Task<Owner::Landing> Owner::try_commit(Draft draft, Error& error)
{
    const bool intake = draft.purpose == store::Purpose::intake;
    store::Batch batch = draft.finish(partition(), services_.ids.next());
    // Enough to find out what became of it.
    const store::Batch outline{.partition = batch.partition, .id = batch.id, .checks = batch.checks};
    store::Outcome outcome = co_await services_.store.commit(std::move(batch), deadline(commit_patience));
    if (outcome == store::Outcome::unknown) {
        outcome = co_await resolve(outline);
        if (outcome == store::Outcome::conflict) {
            drop_state();
            co_return Landing::lost;
        }
    }
    if (outcome == store::Outcome::ok) {
        apply(std::move(draft));
        co_return Landing::landed;
    }
    if (outcome == store::Outcome::conflict) {
        services_.log.write(LogLevel::warning, "mailbox", account_, "another writer has changed the account");
        drop_state();
        co_return Landing::lost;
    }
    // Intake is refused below the disk's floor: the rest of the batch shall not suffer for it.
    if (outcome == store::Outcome::unavailable && intake && services_.store.health() == store::Health::low_space)
        co_return Landing::lost;
    error = store::to_error(outcome);
    if (outcome == store::Outcome::unknown)
        error.code = may_have_landed;
    if (outcome != store::Outcome::unavailable)
        drop_state();
    services_.log.write(LogLevel::error, "mailbox", account_, "a commit failed", {{"why", error.text}});
    co_return Landing::refused;
}

Task<store::Outcome> Owner::resolve(store::Batch batch)
{
    Duration pause = 50ms;
    for (int attempt = 0; attempt < most_resolves; ++attempt, pause *= 2) {
        const store::Outcome outcome = co_await services_.store.resolve(batch, deadline(commit_patience));
        if (outcome == store::Outcome::ok || outcome == store::Outcome::conflict)
            co_return outcome;
        co_await sleep_for(pause);
    }
    co_return store::Outcome::unknown;
}

void Owner::apply(Draft draft)
{
    const Applied applied = state_->apply(std::move(draft));
    const std::uint64_t moment = ++moment_;
    published_.publish(*state_, applied);
    recent_.turn(moment);
    clearing_failed_ = false;  // the store writes
}

void Owner::drop_state()
{
    state_ = nullptr;
    clearing_ = false;
    recent_.forget(++moment_);
    published_.withdraw();
}

// In front of the others, in their old order.
void Owner::again(std::vector<RequestPtr> requests)
{
    std::vector<RequestPtr> refused;
    for (auto request = requests.rbegin(); request != requests.rend(); ++request) {
        if (++(*request)->attempts < most_attempts) {
            pending_.push_front(std::move(*request));
        } else {
            (*request)->refuse(too_often);
            refused.push_back(std::move(*request));
        }
    }
    send_answers(std::move(refused));
}

void Owner::refuse_all(const Error& error)
{
    std::vector<RequestPtr> refused;
    for (RequestPtr& request : pending_) {
        request->refuse(error);
        refused.push_back(std::move(request));
    }
    pending_.clear();
    send_answers(std::move(refused));
}

// What DELETE left to be taken away is taken away between other people's requests.
void Owner::continue_clearing()
{
    if (!state_ || clearing_ || clearing_failed_ || activity_->stopping())
        return;
    for (const auto& [id, intent] : state_->intents) {
        if (intent.kind != IntentRow::Kind::clear)
            continue;
        clearing_ = true;
        pending_.push_back(std::make_unique<ClearRequest>(loop_.executor(), id, [this](bool ok) {
            clearing_ = false;
            clearing_failed_ = !ok;
        }));
        return;
    }
}

bool Owner::busy() const
{
    const std::scoped_lock lock(mutex_);
    return working_;
}

std::optional<std::size_t> Owner::forget_mailboxes(SteadyTime time)
{
    index_->forget(time);
    {
        const std::scoped_lock lock(mutex_);
        if (!may_begin())
            return std::nullopt;
    }
    std::size_t entries = 0;
    if (state_)
        for (const auto& [node, known] : state_->mailboxes()) {
            if (!known.shelf)
                continue;
            if (known.shelf->used() > time) {
                entries += known.row.messages;
                continue;
            }
            published_.show(known.row.mailbox, nullptr);
            MailboxState& mailbox = *state_->find(node);
            mailbox.tail = known.shelf->block_pointer(block_of(known.row.uid_next));
            mailbox.tail_known = true;
            mailbox.shelf = nullptr;
        }
    if (take_inbox())
        begin_on(loop_.executor());
    else
        activity_->end();
    return entries;
}

void send_answers(std::vector<RequestPtr> answers)
{
    while (!answers.empty()) {
        const LoopExecutor caller = answers.back()->caller();
        std::vector<RequestPtr> of_loop;
        for (RequestPtr& answer : answers)
            if (answer->caller() == caller)
                of_loop.push_back(std::move(answer));
        std::erase(answers, nullptr);
        asio::post(caller, [of_loop = std::move(of_loop)] {
            for (const RequestPtr& request : of_loop)
                request->answer();
        });
    }
}

}  // namespace posthouse::mailbox
