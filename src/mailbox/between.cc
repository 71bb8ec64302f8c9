// COPY into somebody else's account: the messages are filed there, all or none, with the flags they have here.
#include "mailbox/mailbox.h"

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

constexpr std::uint64_t most_bytes = 64 * 1024 * 1024;  // in memory at once

Task<Result<Filing>> filing_like(Account* from, Email email, Entry entry, KeywordTable keywords, MailboxId target)
{
    Filing filing{.digest = email.digest, .prefix = email.prefix, .internal_date = entry.internal_date};
    filing.placements = {{.mailbox = target, .flags = flag_names(entry.flags, keywords)}};
    filing.content.size = email.size - email.prefix.size();
    filing.content.blob = email.blob;
    if (email.blob == 0) {
        const std::size_t before = email.prefix.size();
        Result<std::string> whole = co_await from->read_all(std::move(email));
        if (!whole)
            co_return fail(whole.error());
        whole->erase(0, before);
        filing.content.bytes = std::make_shared<const std::string>(*std::move(whole));
    }
    co_return filing;
}

}  // namespace

Task<Result<Copied>> copy_between(AccountPtr from, MailboxId source, NumberSet uids, AccountPtr to, MailboxId target)
{
    const Result<SnapshotPtr> snapshot = co_await from->snapshot(source);
    if (!snapshot)
        co_return fail(snapshot.error());
    std::vector<Entry> entries;
    std::uint64_t bytes = 0;
    for (const NumberRange& range : uids.ranges())
        for (std::uint32_t at = (*snapshot)->position_of(range.first); at < (*snapshot)->size(); ++at) {
            const Entry& entry = (*snapshot)->at(at);
            if (entry.uid > range.last)
                break;
            entries.push_back(entry);
            bytes += entry.size;
        }
    if (entries.size() > most_filings || bytes > most_bytes)
        co_return fail(ErrorCode::limit,
                       fmt::format("from one account into another at most {} messages and {} MiB go at once",
                                   most_filings, most_bytes / 1024 / 1024));
    Copied copied{.snapshot = *snapshot};
    std::vector<Filing> filings;
    for (const Entry& entry : entries) {
        Result<Email> email = co_await from->email(entry.email);
        if (!email)
            co_return fail(email.error());
        Result<Filing> filing =
            co_await filing_like(from.get(), *std::move(email), entry, *(*snapshot)->keywords, target);
        if (!filing)
            co_return fail(filing.error());
        filings.push_back(*std::move(filing));
        copied.from.add(entry.uid);
    }
    const Result<std::vector<Filed>> filed = co_await to->file_all(std::move(filings));
    if (!filed)
        co_return fail(filed.error());
    for (const Filed& one : *filed) {
        copied.uid_validity = one.places.front().uid_validity;
        copied.to.push_back(one.places.front().uid);
    }
    co_return copied;
}

}  // namespace posthouse::mailbox
