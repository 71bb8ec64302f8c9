#include "mua/pop3_box.h"

#include "base/terminal.h"
#include "base/text.h"
#include "message/parser.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

constexpr std::uint64_t most_message = 512ULL * 1024 * 1024;

// Numbers and unique ids of all messages. A server without UIDL cannot be asked for a message by an id that lasts.
Task<Result<std::vector<pop3::UniqueId>>> unique_ids(pop3::Client& client)
{
    Result<std::vector<pop3::UniqueId>> ids = co_await client.unique_ids();
    if (!ids && ids.error() == ErrorCode::not_found)
        co_return fail(ErrorCode::unavailable,
                       "this POP3 server gives its messages no ids (UIDL): nothing can be named");
    co_return ids;
}

Task<Result<Summary>> summarise(pop3::Client& client, pop3::ListItem item, std::string unique_id)
{
    Result<std::string> header = co_await client.top(item.number, 0);
    if (!header && header.error() == ErrorCode::not_found)  // TOP is optional
        header = co_await client.retrieve(item.number, most_message);
    if (!header)
        co_return fail(header.error());
    message::Digest digest = message::digest_of(*header);
    Summary summary;
    summary.place.unique_id = std::move(unique_id);
    summary.size = item.size;
    summary.envelope = std::move(digest.envelope);
    co_return summary;
}

// The number that a message has in this session.
Task<Result<std::uint32_t>> number_of(pop3::Client& client, std::string account, std::string word)
{
    const Result<std::vector<Reference>> references = parse_references(std::span(&word, 1));
    if (!references)
        co_return fail(references.error());
    if (references->size() != 1)
        co_return fail(ErrorCode::malformed, "one message at a time by POP3");
    const Reference& reference = references->front();
    std::string unique_id = reference.place.unique_id;
    if (reference.kind == Reference::Kind::number) {
        const Result<Listing> listing = last_listing(listing_file(), account);
        if (!listing)
            co_return fail(listing.error());
        const Result<std::vector<Place>> places = places_of(*listing, std::span(&reference.number, 1));
        if (!places)
            co_return fail(places.error());
        unique_id = places->front().unique_id;
    }
    if (unique_id.empty())
        co_return fail(ErrorCode::not_found, "that is no POP3 message; list again with --pop3");
    const Result<std::vector<pop3::UniqueId>> ids = co_await unique_ids(client);
    if (!ids)
        co_return fail(ids.error());
    for (const pop3::UniqueId& one : *ids)
        if (one.id == unique_id)
            co_return one.number;
    co_return fail(ErrorCode::not_found, fmt::format("message {} is gone; list again", printable(word, 100)));
}

}  // namespace

Task<Outcome> list_by_pop3(Desk& desk, ListOptions options)
{
    const bool searches = !options.words.empty() || !options.from.empty() || !options.to.empty() ||
        !options.subject.empty() || !options.body.empty() || !options.since.empty() || !options.before.empty() ||
        options.unread || options.flagged || options.everywhere || !equals_ignoring_case(options.mailbox, "INBOX");
    if (searches)
        co_return fail(ErrorCode::malformed, "POP3 has one mailbox and no search; leave --pop3 out");
    const Result<Identity> identity = desk.whose(Protocol::pop3);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<pop3::Client>> client = co_await desk.open_pop3(*identity);
    if (!client)
        co_return fail(client.error());
    Result<std::vector<pop3::ListItem>> items = co_await (*client)->list();
    if (!items)
        co_return fail(items.error());
    const Result<std::vector<pop3::UniqueId>> ids = co_await unique_ids(**client);
    if (!ids)
        co_return fail(ids.error());
    std::ranges::sort(*items, std::greater(), &pop3::ListItem::number);
    std::vector<Summary> list;
    Listing listing{.account = desk.account_of(*identity), .address = identity->address, .session = this_session()};
    Progress progress("headers", std::min(items->size(), options.most));
    for (const pop3::ListItem& item : *items) {
        if (list.size() >= options.most)
            break;
        const auto id = std::ranges::find(*ids, item.number, &pop3::UniqueId::number);
        if (id == ids->end())
            continue;
        Result<Summary> summary = co_await summarise(**client, item, id->id);
        if (!summary)
            co_return fail(summary.error());
        listing.rows.push_back(summary->place);
        list.push_back(std::move(*summary));
        progress.at(list.size());
    }
    co_await (*client)->quit();
    if (const Result<void> kept = keep_listing(listing_file(), listing); !kept)
        std::fprintf(stderr, "posthouse: numbers will not work: %s\n", printable(kept.error().text).c_str());
    print_list(desk, *identity, list, options, items->size());
    co_return 0;
}

Task<Result<std::string>> fetch_by_pop3(pop3::Client& client, std::string account, std::string reference)
{
    const Result<std::uint32_t> number = co_await number_of(client, std::move(account), std::move(reference));
    if (!number)
        co_return fail(number.error());
    co_return co_await client.retrieve(*number, most_message);
}

Task<Outcome> delete_by_pop3(Desk& desk, DeleteOptions options)
{
    const Result<Identity> identity = desk.whose(Protocol::pop3);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<pop3::Client>> client = co_await desk.open_pop3(*identity);
    if (!client)
        co_return fail(client.error());
    std::vector<std::uint32_t> numbers;
    for (const std::string& word : options.messages) {
        const Result<std::uint32_t> number = co_await number_of(**client, desk.account_of(*identity), word);
        if (!number)
            co_return fail(number.error());
        numbers.push_back(*number);
    }
    for (const std::uint32_t number : numbers) {
        const Result<void> removed = co_await (*client)->remove(number);
        if (!removed)
            co_return fail(removed.error());
    }
    const Result<void> done = co_await (*client)->quit();  // only this deletes (RFC 1939 section 6)
    if (!done)
        co_return fail(done.error());
    co_return 0;
}

}  // namespace posthouse::mua
