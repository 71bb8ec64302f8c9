#include "mta/queue/addressees.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace posthouse::mta::queue {

namespace {

Entry entry_of(const smtp::Recipient& recipient, directory::Target target)
{
    Entry entry;
    entry.recipient = recipient;
    entry.account = target.account;
    entry.subaddress = std::move(target.subaddress);
    return entry;
}

// RFC 3461 section 5.2.7.1: what the sender asked for goes on to where the alias leads.
Entry entry_of(const smtp::Recipient& recipient, directory::Elsewhere elsewhere)
{
    Entry entry;
    entry.recipient = recipient;
    if (entry.recipient.original_recipient.empty())
        entry.recipient.original_recipient = "rfc822;" + recipient.path.text();
    entry.recipient.path = {std::move(elsewhere.local_part), std::move(elsewhere.domain)};
    return entry;
}

}  // namespace

Task<Result<std::vector<Entry>>> addressees(directory::Directory& directory, std::vector<smtp::Recipient> recipients)
{
    std::vector<Entry> entries;
    std::set<std::tuple<mailbox::AccountId, std::string, std::string>> seen;
    const auto add = [&](Entry entry) {
        const std::string address = entry.is_local() ? std::string() : entry.recipient.path.text();
        if (!seen.emplace(entry.account, entry.subaddress, address).second)
            return;
        entry.index = static_cast<std::uint16_t>(entries.size());
        entries.push_back(std::move(entry));
    };
    for (const smtp::Recipient& recipient : recipients) {
        Result<directory::Recipient> resolved =
            co_await directory.resolve(recipient.path.local_part, recipient.path.domain);
        if (!resolved)
            co_return fail(resolved.error());
        if (resolved->kind == directory::RecipientKind::not_ours) {
            Entry entry;
            entry.recipient = recipient;
            add(std::move(entry));
            continue;
        }
        for (directory::Target& target : resolved->targets)
            add(entry_of(recipient, std::move(target)));
        for (directory::Elsewhere& elsewhere : resolved->elsewhere)
            add(entry_of(recipient, std::move(elsewhere)));
    }
    // Those of one domain beside each other: they go in one shipment.
    std::ranges::sort(entries, {},
                      [](const Entry& entry) { return std::tie(entry.account, entry.lane(), entry.index); });
    co_return entries;
}

}  // namespace posthouse::mta::queue
