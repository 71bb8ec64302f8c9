// FETCH and UID FETCH: RFC 3501 section 6.4.5, CHANGEDSINCE and VANISHED by RFC 7162 sections 3.1.4 and 3.2.6,
// PARTIAL by RFC 9394.
#include "imap/server/fetch.h"

#include "imap/server/commands.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using mailbox::Entry;
using mailbox::NumberSet;
using mailbox::SystemFlag;

// Rows are asked for in batches; this bounds what a FETCH keeps in memory. A row is never much larger than its message.
constexpr std::size_t batch_size = 512;
constexpr std::uint64_t batch_bytes = 8 * 1024 * 1024;
// Of whole messages, of which the next batch is read while one is sent.
constexpr std::size_t whole_batch_size = 32;
constexpr std::uint64_t whole_batch_bytes = 160 * 1024;

// The messages of `positions` as they are told: the newest flags, where they are still there.
class Messages {
public:
    Messages(const View& view, const NumberSet& positions, std::optional<std::uint64_t> changed_since) :
        numbering_(view.numbering),
        told_(view.told),
        ranges_(positions.ranges().begin(), positions.ranges().end()),
        changed_since_(changed_since)
    {
        if (!ranges_.empty())
            at_ = ranges_[0].first - 1;
    }

    std::optional<FetchedMessage> next()
    {
        while (range_ < ranges_.size()) {
            if (at_ >= ranges_[range_].last) {
                if (++range_ < ranges_.size())
                    at_ = ranges_[range_].first - 1;
                continue;
            }
            const Entry* entry = &numbering_->at(at_++);
            if (told_ != numbering_)
                if (const Entry* newer = told_->find(entry->uid))
                    entry = newer;
            if (!changed_since_ || entry->modseq > *changed_since_)
                return FetchedMessage{.number = at_, .entry = *entry, .with_flags = false};
        }
        return std::nullopt;
    }
    std::vector<FetchedMessage> batch(std::size_t most, std::uint64_t most_bytes)
    {
        std::vector<FetchedMessage> messages;
        std::uint64_t bytes = 0;
        while (messages.size() < most && bytes < most_bytes) {
            std::optional<FetchedMessage> message = next();
            if (!message)
                break;
            bytes += message->entry.size;
            messages.push_back(*message);
        }
        return messages;
    }

private:
    mailbox::SnapshotPtr numbering_;
    mailbox::SnapshotPtr told_;
    std::vector<mailbox::NumberRange> ranges_;
    std::optional<std::uint64_t> changed_since_;
    std::size_t range_ = 0;
    std::uint32_t at_ = 0;
};

// RFC 9394 section 3.3: the n-th to m-th of these positions, or so counted from the end.
NumberSet windowed(const NumberSet& positions, const PartialRange& window)
{
    const std::uint64_t count = positions.count();
    std::uint64_t skip = window.first - 1;
    std::uint64_t left = std::uint64_t{window.last} - window.first + 1;
    if (window.from_end) {
        left = count > skip ? std::min<std::uint64_t>(left, count - skip) : 0;
        skip = count > skip + left ? count - skip - left : 0;
    }
    NumberSet kept;
    for (const auto& range : positions.ranges()) {
        const std::uint64_t size = std::uint64_t{range.last} - range.first + 1;
        const std::uint64_t from = std::min(skip, size);
        const std::uint64_t taken = std::min(left, size - from);
        if (taken > 0)
            kept.add({static_cast<std::uint32_t>(range.first + from),
                      static_cast<std::uint32_t>(range.first + from + taken - 1)});
        skip -= from;
        left -= taken;
    }
    return kept;
}

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

// A batch on its way: its rows are here, its messages are being read.
struct StoredBatch {
    std::vector<FetchedMessage> messages;
    std::vector<mailbox::StoredEmail> rows;
    std::vector<std::uint32_t> read;  // which of them have their contents in `contents`
    std::optional<Promise<Result<mailbox::Account::Contents>>> contents;
};

Task<Result<StoredBatch>> begin_batch(Session& session, const FetchPlan& plan, std::vector<FetchedMessage> messages)
{
    StoredBatch batch{.messages = std::move(messages)};
    std::vector<mailbox::EmailId> ids;
    for (const FetchedMessage& message : batch.messages)
        ids.push_back(message.entry.email);
    Result<std::vector<mailbox::StoredEmail>> rows = co_await session.view().account->stored_emails(std::move(ids));
    if (!rows)
        co_return fail(rows.error());
    batch.rows = *std::move(rows);
    if (!plan.reads_whole)
        co_return batch;
    std::vector<mailbox::EmailId> wanted;
    for (std::uint32_t i = 0; i < batch.rows.size(); ++i)
        if (batch.rows[i].id != 0 && batch.rows[i].blob == 0) {
            batch.read.push_back(i);
            wanted.push_back(batch.rows[i].id);
        }
    batch.contents = session.view().account->contents_ahead(wanted);
    co_return batch;
}

// Answers the messages that must be told by their rows taken apart.
Task<Result<std::vector<FetchedMessage>>> tell_stored(Session& session, const FetchPlan& plan, StoredBatch batch)
{
    std::vector<std::optional<std::string>> wholes(batch.messages.size());
    if (batch.contents) {
        Result<mailbox::Account::Contents> contents = co_await batch.contents->get();
        for (std::size_t i = 0; contents && i < contents->size(); ++i) {
            std::optional<std::string>& content = (*contents)[i];
            const mailbox::StoredEmail& row = batch.rows[batch.read[i]];
            if (!content || content->size() + row.prefix_size != row.size)
                continue;
            content->insert(0, row.prefix());
            wholes[batch.read[i]] = std::move(content);
        }
    }
    std::vector<FetchedMessage> left;
    message::EnvelopeView scratch;
    for (std::size_t i = 0; i < batch.messages.size() && i < batch.rows.size(); ++i) {
        const FetchedMessage& message = batch.messages[i];
        const bool there = batch.rows[i].id != 0 && (!plan.reads_whole || wholes[i]);
        if (!there || !write_from_stored(session, plan, message, batch.rows[i], std::move(wholes[i]), scratch))
            left.push_back(message);
        if (!session.channel().is_full())
            continue;
        const Result<void> sent = co_await session.channel().flush();
        if (!sent)
            co_return fail(ErrorCode::closed);
    }
    co_return left;
}

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
    if (arguments.partial)
        positions = windowed(*positions, *arguments.partial);
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
        write_vanished(session.out(), within(*gone, arguments.set, view.told->uid_next), When::earlier);
    }

    const Result<NumberSet> fresh = co_await prepare(session, plan, *positions);
    if (!fresh)
        co_return refusal(fresh.error());
    Messages messages(session.view(), *positions, arguments.changed_since);
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
        co_return Reply::ok("fetched");
    }
    const auto next_batch = [&] {
        std::vector<FetchedMessage> batch = plan.reads_whole ? messages.batch(whole_batch_size, whole_batch_bytes)
                                                             : messages.batch(batch_size, batch_bytes);
        for (FetchedMessage& message : batch)
            message.with_flags = !plan.tells_flags && fresh->contains(message.entry.uid);
        return batch;
    };
    std::vector<FetchedMessage> batch = next_batch();
    Result<StoredBatch> ahead = StoredBatch{};
    if (plan.reads_stored)
        ahead = co_await begin_batch(session, plan, batch);
    while (!batch.empty()) {
        std::vector<FetchedMessage> following = next_batch();
        if (plan.reads_stored) {
            if (!ahead)
                co_return refusal(ahead.error());
            StoredBatch now = *std::move(ahead);
            ahead = co_await begin_batch(session, plan, following);
            Result<std::vector<FetchedMessage>> left = co_await tell_stored(session, plan, std::move(now));
            if (!left)
                co_return refusal(left.error());
            batch = *std::move(left);
        }
        if (!batch.empty()) {
            const Result<void> told = co_await tell_batch(session, plan, std::move(batch), progress);
            if (!told)
                co_return refusal(told.error());
        }
        batch = std::move(following);
    }
    co_return conclusion(session, progress);
}

}  // namespace posthouse::imap
