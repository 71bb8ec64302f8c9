// The part of a filing that needs no numbers of the owner: done on the caller's loop, many at once.
#include "mailbox/handle.h"

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

std::optional<Error> objection(const Filing& filing)
{
    if (!filing.digest || filing.digest->parts.empty() || (!filing.content.bytes && filing.content.blob == 0))
        return Error{ErrorCode::internal, "a filing without content or digest"};
    const bool inline_size = !filing.content.bytes ||
        (filing.content.bytes->size() == filing.content.size && filing.content.size <= inline_content);
    if (!inline_size || filing.digest->size() != filing.content.size)
        return Error{ErrorCode::internal, "a filing whose content is not of the size it says"};
    if (filing.placements.empty() || filing.placements.size() > most_placements)
        return Error{ErrorCode::limit, fmt::format("a message goes into 1 to {} mailboxes at once", most_placements)};
    if (filing.prefix.size() > longest_prefix)
        return Error{ErrorCode::too_large, fmt::format("a prefix has at most {} bytes", longest_prefix)};
    return std::nullopt;
}

Deadline deadline(const MailboxServices& services) { return Deadline::in(services.clock, read_patience); }

Task<Result<void>> find_thread(const Owner& owner, PreparedFiling* filing)
{
    const MailboxServices& services = owner.services();
    for (const MessageIdHash& name : filing->names) {
        const Result<std::optional<store::Value>> row =
            co_await services.store.get(owner.partition(), message_id_key(name), deadline(services));
        if (!row)
            co_return fail(row.error());
        if (!*row) {
            filing->unknown_names.push_back(name);
            continue;
        }
        const Result<ThreadId> thread = read_message_id(**row);
        if (thread)
            filing->thread = *thread;
        break;
    }
    co_return Result<void>{};
}

// Shared blobs are held before anything refers to them.
Task<Result<void>> hold(const MailboxServices& services, store::BlobId blob, Prepared* prepared)
{
    Result<void> held =
        co_await services.blobs.add_reference(blob, holder_of(prepared->filing.email), deadline(services));
    if (held)
        prepared->held.push_back(blob);
    co_return held;
}

Task<Result<store::BlobId>> write_side_blob(const MailboxServices& services, std::string bytes)
{
    const std::unique_ptr<store::BlobWriter> writer = services.blobs.create();
    const Result<void> written = co_await writer->append(std::move(bytes), deadline(services));
    if (!written)
        co_return fail(written.error());
    const Result<store::BlobInfo> info = co_await writer->finish(deadline(services));
    if (!info)
        co_return fail(info.error());
    co_return info->id;
}

Task<Result<void>> write_rows(const MailboxServices& services, const Filing& filing, Prepared* prepared)
{
    constexpr std::size_t around_the_digest = 128;
    EmailRow row{.received = filing.internal_date, .size = prepared->filing.size, .blob = filing.content.blob};
    if (filing.content.bytes)
        row.blob = 0;
    row.prefix = filing.prefix;
    row.digest = message::encode(*filing.digest);
    row.digest_bytes = row.digest.size();
    if (row.blob != 0) {
        const Result<void> held = co_await hold(services, row.blob, prepared);
        if (!held)
            co_return held;
    }
    if (row.digest.size() + row.prefix.size() + around_the_digest > services.store.limits().value_bytes) {
        const Result<store::BlobId> side = co_await write_side_blob(services, std::move(row.digest));
        if (!side)
            co_return fail(side.error());
        const Result<void> held = co_await hold(services, *side, prepared);
        if (!held)
            co_return held;
        row.side_blob = *side;
        row.digest.clear();
    }
    prepared->filing.body = filing.content.bytes;
    prepared->filing.email_row = write_email(row);
    co_return Result<void>{};
}

}  // namespace

Task<Result<Prepared>> prepare(const Owner& owner, Quotas& quotas, const Filing& filing)
{
    const MailboxServices& services = owner.services();
    if (auto error = objection(filing))
        co_return fail(*std::move(error));
    if (filing.quota == Quota::enforced && services.store.health() == store::Health::low_space)
        co_return fail(ErrorCode::no_space, "the disk is nearly full");
    Prepared prepared;
    PreparedFiling& made = prepared.filing;
    made.read_at = owner.moment();
    if (filing.delivery != 0) {
        const Result<std::optional<store::Value>> row =
            co_await services.store.get(owner.partition(), delivered_key(filing.delivery), deadline(services));
        if (!row)
            co_return fail(row.error());
        if (*row) {
            Result<DeliveredRow> delivered = read_delivered(**row);
            if (!delivered)
                co_return fail(delivered.error());
            prepared.filed_before = std::move(delivered->filed);
            prepared.filed_before->was_filed_before = true;
            co_return prepared;
        }
    }
    if (filing.quota == Quota::enforced) {
        const Result<std::uint64_t> limit = co_await quotas.limit_of(owner.account());
        if (!limit)
            co_return fail(limit.error());
        made.limit_bytes = *limit;
    }
    made.email = services.ids.next();
    made.size = filing.prefix.size() + filing.content.size;
    made.internal_date = filing.internal_date;
    made.placements = filing.placements;
    made.delivery = filing.delivery;
    made.replaces = filing.replaces;
    made.accepted = filing.quota == Quota::exempt;
    made.names = names_of(*filing.digest);
    const Result<void> threaded = co_await find_thread(owner, &made);
    if (!threaded)
        co_return fail(threaded.error());
    const Result<void> written = co_await write_rows(services, filing, &prepared);
    if (!written) {
        co_await let_go(services, made.email, std::move(prepared.held));
        co_return fail(written.error());
    }
    co_return prepared;
}

Task<void> let_go(const MailboxServices& services, EmailId email, std::vector<store::BlobId> held)
{
    for (const store::BlobId blob : held) {
        const Result<void> dropped = co_await services.blobs.drop_reference(blob, holder_of(email), deadline(services));
        if (!dropped)
            services.log.write(LogLevel::warning, "mailbox", email, "a blob could not be let go",
                               {{"blob", id_text(blob)}, {"why", dropped.error().text}});
    }
}

}  // namespace posthouse::mailbox
