// FETCH and UID FETCH: RFC 3501 section 6.4.5, CHANGEDSINCE and VANISHED by RFC 7162 sections 3.1.4 and 3.2.6,
// PARTIAL by RFC 9394.
#include "imap/server/fetch.h"

#include "base/all.h"
#include "imap/server/commands.h"
#include "imap/server/fetch_stored.h"
#include "imap/server/message_limit.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using mailbox::Entry;
using mailbox::NumberSet;
using mailbox::SystemFlag;

// Rows are asked for in batches; this bounds what a FETCH keeps in memory. A row is never much larger than its message.
constexpr std::size_t batch_size = 512;
constexpr std::uint64_t batch_bytes = 8 * 1024 * 1024;

// Which of them have no \Seen yet.
NumberSet unseen(Messages messages)
{
    NumberSet uids;
    while (const auto message = messages.next())
        if (!message->entry.flags.has(SystemFlag::seen))
            uids.add(message->entry.uid);
    return uids;
}

// Brings what the client knows of flags up to date, and sets \Seen where reading does. The answers to this
// FETCH tell the flags of `skip` themselves. Answers which messages have become seen.
Task<Result<NumberSet>> prepare(Session& session, const FetchPlan& plan, NumberSet positions)
{
    View& view = session.view();
    Result<mailbox::SnapshotPtr> newest = co_await session.view().account->snapshot(view.mailbox);
    if (newest && *newest != view.told) {
        const NumberSet skip = plan.tells_flags ? uids_at(*view.numbering, positions) : NumberSet();
        session.tell(*newest, {.expunges = Expunges::held_back, .skip = &skip});
    }
    if (!plan.sets_seen || view.read_only)
        co_return NumberSet();
    NumberSet fresh = unseen(Messages(view, positions, std::nullopt));
    if (fresh.empty())
        co_return fresh;
    const Result<mailbox::FlagsStored> stored = co_await session.view().account->store_flags(
        view.mailbox, {.uids = fresh, .change = mailbox::FlagChange::add, .flags = {"\\Seen"}, .unchanged_since = {}});
    if (!stored)
        co_return NumberSet();  // a full disk must not keep anybody from reading
    session.tell(stored->snapshot, {.expunges = Expunges::held_back, .skip = &fresh});
    co_return fresh;
}

struct Telling {
    std::size_t unreadable = 0;
    Error last;
};

// One batch with its rows.
Task<Result<void>> tell_batch(Session& session, const FetchPlan& plan, std::vector<FetchedMessage> messages,
                              Telling& progress)
{
    std::vector<mailbox::EmailId> ids;
    for (const FetchedMessage& message : messages)
        ids.push_back(message.entry.email);
    Result<std::vector<Result<mailbox::Email>>> rows = co_await session.view().account->emails(std::move(ids));
    if (!rows)
        co_return fail(rows.error());
    for (std::size_t i = 0; i < messages.size() && i < rows->size(); ++i) {
        Result<mailbox::Email>& row = (*rows)[i];
        Result<void> written = row ? Result<void>{} : fail(row.error());
        if (row)
            written = co_await write_from_row(session, plan, messages[i], std::move(*row));
        if (!written && written.error() == ErrorCode::closed)
            co_return fail(ErrorCode::closed);
        if (!written) {
            ++progress.unreadable;
            progress.last = written.error();
        }
        if (!session.channel().is_full())
            continue;
        const Result<void> sent = co_await session.channel().flush();
        if (!sent)
            co_return fail(ErrorCode::closed);
    }
    co_return Result<void>{};
}

// As tell_batch(), of plans that read the rows as they are stored.
Task<Result<void>> tell_by_stored_rows(Session& session, const FetchPlan& plan, Messages messages, NumberSet fresh,
                                       Telling& progress)
{
    StoredBatches batches(session, plan, std::move(messages), std::move(fresh));
    Result<StoredBatch> now = co_await batches.begin();
    while (now && !now->messages.empty()) {
        // What is not in memory is read by another thread, while this one writes what is here.
        auto [next, left] = co_await both(batches.begin(), tell_stored(session, plan, *std::move(now)));
        if (!left)
            co_return fail(left.error());
        if (!left->empty()) {
            const Result<void> told = co_await tell_batch(session, plan, *std::move(left), progress);
            if (!told)
                co_return told;
        }
        now = std::move(next);
    }
    co_return now ? Result<void>{} : fail(now.error());
}

// RFC 9738: what the limit leaves of too many. With CHANGEDSINCE only what has changed is told, so no more counts.
Task<Portion> portion_of(Session& session, NumberSet positions, std::optional<std::uint64_t> changed_since)
{
    if (!changed_since)
        co_return allowed(session, std::move(positions));
    const View& view = session.view();
    const Result<mailbox::SnapshotPtr> newest = co_await view.account->snapshot(view.mailbox);
    const mailbox::Snapshot& flags = newest ? **newest : *view.told;
    const auto has_changed = [&](const Entry& entry) { return entry.modseq > *changed_since; };
    co_return allowed(session, those_that(positions, *view.numbering, flags, has_changed));
}

// What a message that is gone for good or damaged makes of the answer: the others were told.
Reply conclusion(Session& session, const Telling& progress)
{
    if (progress.unreadable == 0)
        return Reply::ok("fetched");
    if (progress.last == ErrorCode::malformed)  // RFC 3516 section 4.3
        return Reply::no("a part is in a transfer encoding that is not known here", "UNKNOWN-CTE");
    session.services().log.write(LogLevel::error, "imap/server", session.id(), "messages could not be read",
                                 {{"count", std::to_string(progress.unreadable)}, {"why", progress.last.text}});
    if (progress.last == ErrorCode::not_found)
        return Reply::no("some of these messages have been expunged", "EXPUNGEISSUED");
    Reply reply = refusal(progress.last);
    reply.text = "some of these messages could not be read: " + reply.text;
    return reply;
}

}  // namespace

std::optional<Reply> check_fetch(Session& session, const Command& command)
{
    const auto& arguments = std::get<FetchArguments>(command.arguments);
    if (arguments.vanished && (!command.by_uid || !arguments.changed_since || !session.enabled().qresync))
        return Reply::bad("FETCH: VANISHED goes with UID FETCH, CHANGEDSINCE and ENABLE QRESYNC");
    if (arguments.partial && !command.by_uid)
        return Reply::bad("FETCH: PARTIAL goes with UID FETCH");
    // RFC 9738 section 3.1: by the range as it is written.
    if (arguments.partial &&
        is_too_much(session, std::uint64_t{arguments.partial->last} - arguments.partial->first + 1))
        return refused_as_too_many(session);
    return std::nullopt;
}

Task<Result<void>> tell_changes(Session& session, mailbox::NumberSet positions, mailbox::ModSeq since)
{
    using Kind = FetchAttribute::Kind;
    const FetchPlan plan({{.kind = Kind::flags}}, !session.dialect().uid_only, true);
    Messages messages(session.view(), positions, since);
    while (const auto message = messages.next()) {
        write_from_entry(session, plan, *message);
        const Result<void> sent = co_await session.channel().flush_if_full();
        if (!sent)
            co_return fail(ErrorCode::closed);
    }
    co_return Result<void>{};
}

Task<Result<void>> tell_attributes(Session& session, std::vector<FetchAttribute> attributes,
                                   mailbox::NumberSet positions)
{
    const FetchPlan plan(std::move(attributes), !session.dialect().uid_only, session.enabled().condstore);
    Messages messages(session.view(), positions, std::nullopt);
    Telling progress;
    for (;;) {
        std::vector<FetchedMessage> batch = messages.batch(batch_size, batch_bytes);
        if (batch.empty())
            co_return Result<void>{};
        const Result<void> told = co_await tell_batch(session, plan, std::move(batch), progress);
        if (!told && told.error() == ErrorCode::closed)
            co_return told;
    }
}

Task<Reply> fetch(Session& session, Command command)
{
    auto& arguments = std::get<FetchArguments>(command.arguments);
    auto positions = positions_of(session.view(), arguments.set, command.by_uid);
    if (!positions)
        co_return Reply::bad("FETCH: there is no message of this number");
    Portion portion{*std::move(positions)};
    if (arguments.partial)
        portion.positions = windowed(portion.positions, *arguments.partial);
    const auto asks_modseq = [](const FetchAttribute& a) { return a.kind == FetchAttribute::Kind::modseq; };
    if (arguments.changed_since || std::ranges::any_of(arguments.attributes, asks_modseq))
        session.enable_condstore();
    const FetchPlan plan(std::move(arguments.attributes), command.by_uid && !session.dialect().uid_only,
                         arguments.changed_since.has_value());
    if (arguments.vanished) {
        const View& view = session.view();
        const Result<NumberSet> gone =
            co_await session.view().account->vanished(view.mailbox, *arguments.changed_since);
        if (!gone)
            co_return refusal(gone.error());
        write_vanished(session.out(), gone_earlier(view, *gone, arguments.set), When::earlier);
    }

    if (is_too_much(session, portion.positions))
        portion = co_await portion_of(session, std::move(portion.positions), arguments.changed_since);
    const Result<NumberSet> fresh = co_await prepare(session, plan, portion.positions);
    if (!fresh)
        co_return refusal(fresh.error());
    Messages messages = portion.lowest ? Messages(session.view(), falling(portion.positions), arguments.changed_since)
                                       : Messages(session.view(), portion.positions, arguments.changed_since);
    Telling progress;
    if (!plan.needs_row) {
        while (const auto message = messages.next()) {
            write_from_entry(session, plan, *message);
            if (!session.channel().is_full())
                continue;
            const Result<void> sent = co_await session.channel().flush();
            if (!sent)
                co_return Reply::gone();
        }
        co_return limited(session, Reply::ok("fetched"), portion);
    }
    if (plan.reads_stored) {
        const Result<void> told = co_await tell_by_stored_rows(session, plan, messages, *fresh, progress);
        if (!told)
            co_return refusal(told.error());
        co_return limited(session, conclusion(session, progress), portion);
    }
    for (;;) {
        std::vector<FetchedMessage> batch = messages.batch(batch_size, batch_bytes);
        if (batch.empty())
            co_return limited(session, conclusion(session, progress), portion);
        mark_fresh(batch, *fresh);
        const Result<void> told = co_await tell_batch(session, plan, std::move(batch), progress);
        if (!told)
            co_return refusal(told.error());
    }
}

}  // namespace posthouse::imap
