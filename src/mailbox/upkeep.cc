#include "mailbox/upkeep.h"

#include "mailbox/email_row.h"
#include "mailbox/handle.h"

#include <algorithm>
#include <unordered_set>

namespace posthouse::mailbox {

namespace {

class EraseRequest final : public RequestFor<void> {
public:
    using RequestFor::RequestFor;
    Planned plan(Draft&) override { return Planned::alone; }
    Task<void> run(Owner& owner) override { result_ = co_await owner.erase_everything(); }
};

struct SweepStep {
    Swept swept;
    bool more = false;
};

// A bounded piece of the sweeping, alone, so that no COPY can bring an e-mail back meanwhile.
class SweepRequest final : public RequestFor<SweepStep> {
public:
    using RequestFor::RequestFor;
    Planned plan(Draft&) override { return Planned::alone; }
    Task<void> run(Owner& owner) override
    {
        result_ = co_await step(owner);
        // What may or may not be erased is looked at anew.
        if (!result_)
            owner.drop_state();
    }

private:
    static constexpr std::size_t emails_a_step = 100;
    static constexpr std::size_t deliveries_a_step = 1000;

    Task<Result<SweepStep>> step(Owner& owner);
    Task<Result<void>> sweep_emails(Owner& owner, Draft* draft, SweepStep* step);
    Task<Result<bool>> sweep_email(Owner& owner, Draft* draft, EmailId email);
    Task<Result<void>> sweep_names(Owner& owner, Draft* draft, ThreadId thread, EmailId email);
    Task<Result<void>> sweep_deliveries(Owner& owner, Draft* draft, SweepStep* step);
    Task<Result<std::unordered_set<EmailId>>> kept(Owner& owner, WallTime until);

    // E-mails of one thread may go in one step: who is going no longer counts as a member.
    std::unordered_set<EmailId> going_;
};

WallTime due_until(const Owner& owner) { return owner.services().clock.now() - keeping; }

Task<Result<store::Page>> page_of(Owner& owner, store::Range range, std::size_t most)
{
    Result<store::Page> page =
        co_await owner.store().scan(owner.partition(), std::move(range), most, owner.deadline(read_patience));
    co_return page;
}

Task<Result<SweepStep>> SweepRequest::step(Owner& owner)
{
    SweepStep step;
    Draft draft = owner.draft();
    Result<void> swept = co_await sweep_emails(owner, &draft, &step);
    if (swept)
        swept = co_await sweep_deliveries(owner, &draft, &step);
    if (swept && draft.changed())
        swept = co_await owner.commit(std::move(draft));
    if (!swept)
        co_return fail(swept.error());
    co_return step;
}

Task<Result<void>> SweepRequest::sweep_emails(Owner& owner, Draft* draft, SweepStep* step)
{
    const WallTime until = due_until(owner);
    const Result<store::Page> due = co_await page_of(owner, released_until(until), 1);
    if (!due || due->rows.empty())
        co_return due ? Result<void>{} : fail(due.error());
    const store::Row& row = due->rows.front();
    const Result<std::vector<EmailId>> released = read_release(row.value);
    if (!released)
        co_return fail(released.error());
    const Result<std::unordered_set<EmailId>> kept = co_await this->kept(owner, until);
    if (!kept)
        co_return fail(kept.error());
    std::size_t at = 0;
    for (; at < released->size() && step->swept.emails < emails_a_step; ++at) {
        const EmailId email = (*released)[at];
        if (kept->contains(email) || going_.contains(email))
            continue;  // taken out of another mailbox not yet 7 days ago: that row will do it
        const Result<bool> swept = co_await sweep_email(owner, draft, email);
        if (!swept)
            co_return fail(swept.error());
        step->swept.emails += *swept ? 1 : 0;
    }
    step->more = true;
    if (at == released->size())
        draft->erase(row.key);
    co_return Result<void>{};
}

// The e-mails that were taken out of some mailbox too lately.
Task<Result<std::unordered_set<EmailId>>> SweepRequest::kept(Owner& owner, WallTime until)
{
    const store::Range later{released_until(until).until, all_of(Table::release).until};
    const Result<std::vector<store::Row>> rows =
        co_await scan_all(owner.store(), owner.services().clock, owner.partition(), later);
    if (!rows)
        co_return fail(rows.error());
    std::unordered_set<EmailId> kept;
    for (const store::Row& row : *rows) {
        const Result<std::vector<EmailId>> emails = read_release(row.value);
        if (!emails)
            co_return fail(emails.error());
        kept.insert(emails->begin(), emails->end());
    }
    co_return kept;
}

// False: it lives on, or is gone already.
Task<Result<bool>> SweepRequest::sweep_email(Owner& owner, Draft* draft, EmailId email)
{
    const Result<store::Page> places = co_await page_of(owner, email_in_of(email), 1);
    if (!places)
        co_return fail(places.error());
    if (!places->rows.empty())
        co_return false;
    const Result<std::optional<store::Value>> value =
        co_await owner.store().get(owner.partition(), email_key(email), owner.deadline(read_patience));
    if (!value)
        co_return fail(value.error());
    if (!*value)
        co_return false;
    const Result<EmailRow> row = read_email(**value);
    if (!row)
        co_return fail(row.error());
    // The reference first: a crash in between leaves the release row, and this is done again.
    for (const store::BlobId blob : {row->blob, row->side_blob}) {
        if (blob == 0)
            continue;
        const Result<void> dropped =
            co_await owner.services().blobs.drop_reference(blob, holder_of(email), owner.deadline(read_patience));
        if (!dropped)
            co_return fail(dropped.error());
    }
    going_.insert(email);
    draft->erase(email_key(email));
    if (row->blob == 0)
        draft->erase(email_key(email), store::Space::bodies);
    const Result<void> names = co_await sweep_names(owner, draft, row->thread, email);
    if (!names)
        co_return fail(names.error());
    co_return true;
}

// The e-mail leaves its thread; the message ids that nobody else in the thread names are forgotten.
Task<Result<void>> SweepRequest::sweep_names(Owner& owner, Draft* draft, ThreadId thread, EmailId email)
{
    const Result<store::Page> members = co_await page_of(owner, members_of(thread), 1000);
    if (!members)
        co_return fail(members.error());
    std::vector<MessageIdHash> own;
    std::set<MessageIdHash> of_others;
    for (const store::Row& row : members->rows) {
        store::KeyReader key(row.key);
        key.u8();
        key.u64();
        const EmailId member = key.u64();
        const Result<std::vector<MessageIdHash>> names = read_member(row.value);
        if (!names)
            co_return fail(names.error());
        if (member == email)
            own = *names;
        else if (!going_.contains(member))
            of_others.insert(names->begin(), names->end());
    }
    draft->erase(thread_key(thread, email));
    if (members->more)
        co_return Result<void>{};  // a thread of thousands keeps its names until it is smaller
    for (const MessageIdHash& name : own) {
        if (of_others.contains(name))
            continue;
        const Result<std::optional<store::Value>> value =
            co_await owner.store().get(owner.partition(), message_id_key(name), owner.deadline(read_patience));
        if (!value)
            co_return fail(value.error());
        const Result<ThreadId> of = *value ? read_message_id(**value) : 0;
        if (*value && of && *of == thread)
            draft->erase(message_id_key(name));
    }
    co_return Result<void>{};
}

// Delivery ids rise with time, so the first that is too young ends it.
Task<Result<void>> SweepRequest::sweep_deliveries(Owner& owner, Draft* draft, SweepStep* step)
{
    const std::size_t room = step->swept.emails > 0 ? 100 : deliveries_a_step;
    const Result<store::Page> page = co_await page_of(owner, all_of(Table::delivered), room);
    if (!page)
        co_return fail(page.error());
    const WallTime until = due_until(owner);
    std::size_t due = 0;
    for (const store::Row& row : page->rows) {
        const Result<DeliveredRow> delivered = read_delivered(row.value);
        if (!delivered || delivered->time >= until)
            break;
        draft->erase(row.key);
        ++due;
    }
    step->swept.deliveries += due;
    step->more |= due == page->rows.size() && page->more;
    co_return Result<void>{};
}

template <class R> Task<Result<R>> ask(std::shared_ptr<Owner> owner, std::unique_ptr<RequestFor<R>> request)
{
    const auto later = request->answer_later();
    owner->submit(std::move(request));
    Result<R> answer = co_await later.get();
    co_return answer;
}

}  // namespace

Task<Result<void>> erase_account(std::shared_ptr<Owner> owner)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<void> erased = co_await ask<void>(owner, std::make_unique<EraseRequest>(caller));
    co_return erased;
}

Task<Result<bool>> is_due_for_sweep(const MailboxServices& services, AccountId account)
{
    const Deadline deadline = Deadline::in(services.clock, read_patience);
    const store::Partition partition = partition_of(account);
    const WallTime until = services.clock.now() - keeping;
    const Result<store::Page> released = co_await services.store.scan(partition, released_until(until), 1, deadline);
    if (!released)
        co_return fail(released.error());
    if (!released->rows.empty())
        co_return true;
    const Result<store::Page> delivered =
        co_await services.store.scan(partition, all_of(Table::delivered), 1, deadline);
    if (!delivered)
        co_return fail(delivered.error());
    if (delivered->rows.empty())
        co_return false;
    const Result<DeliveredRow> first = read_delivered(delivered->rows.front().value);
    co_return first && first->time < until;
}

Task<Result<Swept>> sweep_account(std::shared_ptr<Owner> owner)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Swept swept;
    for (;;) {
        const Result<SweepStep> step = co_await ask<SweepStep>(owner, std::make_unique<SweepRequest>(caller));
        if (!step)
            co_return fail(step.error());
        swept.emails += step->swept.emails;
        swept.deliveries += step->swept.deliveries;
        if (!step->more)
            co_return swept;
    }
}

}  // namespace posthouse::mailbox
