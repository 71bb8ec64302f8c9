#include "pop3/server/read_ahead.h"

namespace posthouse::pop3 {

namespace {

// Of one batch; two are in memory at most.
constexpr std::size_t most_messages = 32;
constexpr std::uint64_t most_bytes = 256 * 1024;
constexpr std::size_t most_rows = 256;

}  // namespace

Task<std::optional<std::vector<std::string>>> ReadAhead::take(std::uint32_t number)
{
    const bool goes_on = std::exchange(before_, number) + 1 == number;
    if (!here_.contains(number)) {
        const bool is_coming = coming_ && coming_->first <= number && number <= coming_->last;
        here_.clear();
        if (!is_coming) {
            coming_.reset();
            if (!goes_on)
                co_return std::nullopt;
            co_await begin(number);
        }
        const std::uint32_t behind = coming_ ? coming_->last + 1 : number + 1;
        co_await arrive();
        co_await begin(behind);
    }
    auto found = here_.extract(number);
    if (!found)
        co_return std::nullopt;
    co_return std::move(found.mapped());
}

Task<void> ReadAhead::read_rows(std::uint32_t number)
{
    rows_.clear();
    std::vector<std::uint32_t> numbers;
    std::vector<mailbox::EmailId> ids;
    for (rows_until_ = number; rows_until_ <= maildrop_.numbers() && ids.size() < most_rows; ++rows_until_)
        if (const mailbox::Entry* entry = maildrop_.find(rows_until_)) {
            numbers.push_back(rows_until_);
            ids.push_back(entry->email);
        }
    Result<std::vector<mailbox::StoredEmail>> rows = co_await account_.stored_emails(std::move(ids));
    for (std::size_t i = 0; rows && i < rows->size(); ++i)
        if (mailbox::StoredEmail& row = (*rows)[i]; row.id != 0 && row.blob == 0)
            rows_.emplace_hint(rows_.end(), numbers[i], std::move(row));
}

Task<void> ReadAhead::begin(std::uint32_t number)
{
    if (number >= rows_until_ || rows_.empty() || number < rows_.begin()->first)
        co_await read_rows(number);
    Batch batch{.first = number, .last = number};
    std::vector<mailbox::EmailId> wanted;
    std::uint64_t bytes = 0;
    for (std::uint32_t next = number; next < rows_until_ && wanted.size() < most_messages && bytes < most_bytes;
         ++next) {
        batch.last = next;
        auto row = rows_.extract(next);
        if (!row)
            continue;
        bytes += row.mapped().size;
        wanted.push_back(row.mapped().id);
        batch.numbers.push_back(next);
        batch.rows.push_back(std::move(row.mapped()));
    }
    if (wanted.empty())
        co_return;
    batch.contents = account_.contents_ahead(wanted);
    coming_ = std::move(batch);
}

Task<void> ReadAhead::arrive()
{
    if (!coming_)
        co_return;
    const Batch batch = *std::exchange(coming_, std::nullopt);
    if (!batch.contents)
        co_return;
    Result<mailbox::Account::Contents> contents = co_await batch.contents->get();
    for (std::size_t i = 0; contents && i < contents->size(); ++i) {
        std::optional<std::string>& content = (*contents)[i];
        const mailbox::StoredEmail& row = batch.rows[i];
        if (!content || content->size() + row.prefix_size != row.size)
            continue;
        std::vector<std::string> pieces;
        if (row.prefix_size > 0)
            pieces.emplace_back(row.prefix());
        pieces.push_back(*std::move(content));
        here_.emplace(batch.numbers[i], std::move(pieces));
    }
}

}  // namespace posthouse::pop3
