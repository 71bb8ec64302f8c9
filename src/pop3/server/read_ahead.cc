#include "pop3/server/read_ahead.h"

namespace posthouse::pop3 {

namespace {

// Of one batch; two are in memory at most.
constexpr std::size_t most_messages = 32;
constexpr std::uint64_t most_bytes = 256 * 1024;

}  // namespace

Task<std::optional<std::string>> ReadAhead::take(std::uint32_t number)
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

Task<void> ReadAhead::begin(std::uint32_t number)
{
    Batch batch{.first = number, .last = number};
    std::vector<mailbox::EmailId> ids;
    std::uint64_t bytes = 0;
    for (std::uint32_t next = number; next <= maildrop_.numbers() && ids.size() < most_messages && bytes < most_bytes;
         ++next) {
        batch.last = next;
        const mailbox::Entry* entry = maildrop_.find(next);
        if (!entry)
            continue;
        batch.numbers.push_back(next);
        ids.push_back(entry->email);
        bytes += std::min<std::uint64_t>(entry->size, mailbox::inline_content);  // a larger one is not read here
    }
    if (ids.empty())
        co_return;
    Result<std::vector<mailbox::StoredEmail>> rows = co_await account_.stored_emails(std::move(ids));
    if (!rows)
        co_return;
    std::vector<mailbox::EmailId> wanted;
    std::vector<std::uint32_t> numbers;
    for (std::size_t i = 0; i < rows->size(); ++i) {
        mailbox::StoredEmail& row = (*rows)[i];
        if (row.id == 0 || row.blob != 0)
            continue;
        wanted.push_back(row.id);
        numbers.push_back(batch.numbers[i]);
        batch.rows.push_back(std::move(row));
    }
    batch.numbers = std::move(numbers);
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
        content->insert(0, row.prefix());
        here_.emplace(batch.numbers[i], *std::move(content));
    }
}

}  // namespace posthouse::pop3
