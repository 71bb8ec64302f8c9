#include "imap/server/fetch_stored.h"

namespace posthouse::imap {

namespace {

// What is kept in memory of a FETCH; a row is never much larger than its message.
constexpr std::size_t rows_at_once = 512;
constexpr std::uint64_t rows_of_bytes = 8 * 1024 * 1024;
// Of whole messages.
constexpr std::size_t batch_size = 32;
constexpr std::uint64_t batch_bytes = 256 * 1024;

}  // namespace

void mark_fresh(std::vector<FetchedMessage>& batch, const mailbox::NumberSet& fresh)
{
    if (fresh.empty())
        return;
    for (FetchedMessage& message : batch)
        message.is_fresh = fresh.contains(message.entry.uid);
}

Task<Result<void>> StoredBatches::read_rows()
{
    stock_ = {.messages = messages_.batch(rows_at_once, rows_of_bytes)};
    used_ = 0;
    if (stock_.messages.empty())
        co_return Result<void>{};
    mark_fresh(stock_.messages, fresh_);
    std::vector<mailbox::EmailId> ids;
    ids.reserve(stock_.messages.size());
    for (const FetchedMessage& message : stock_.messages)
        ids.push_back(message.entry.email);
    Result<std::vector<mailbox::StoredEmail>> rows = co_await session_.view().account->stored_emails(std::move(ids));
    if (!rows)
        co_return fail(rows.error());
    stock_.rows = *std::move(rows);
    co_return Result<void>{};
}

// As many of the stock as are read at once.
StoredBatch StoredBatches::cut()
{
    StoredBatch batch;
    std::uint64_t bytes = 0;
    while (used_ < stock_.messages.size() && batch.messages.size() < batch_size && bytes < batch_bytes) {
        bytes += stock_.messages[used_].entry.size;
        batch.messages.push_back(stock_.messages[used_]);
        batch.rows.push_back(std::move(stock_.rows[used_]));
        ++used_;
    }
    return batch;
}

Task<Result<StoredBatch>> StoredBatches::begin()
{
    if (used_ == stock_.messages.size()) {
        const Result<void> read = co_await read_rows();
        if (!read)
            co_return fail(read.error());
    }
    if (!plan_.reads_whole) {
        used_ = 0;
        co_return std::exchange(stock_, {});
    }
    StoredBatch batch = cut();
    std::vector<mailbox::EmailId> wanted;
    for (std::uint32_t i = 0; i < batch.rows.size(); ++i)
        if (batch.rows[i].id != 0 && batch.rows[i].blob == 0) {
            batch.read.push_back(i);
            wanted.push_back(batch.rows[i].id);
        }
    if (!wanted.empty())
        batch.contents = session_.view().account->contents_ahead(wanted);
    co_return batch;
}

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
    for (std::size_t i = 0; i < batch.messages.size(); ++i) {
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

}  // namespace posthouse::imap
