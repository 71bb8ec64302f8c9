#include "mua/mailbox_view.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

using Kind = imap::FetchAttribute::Kind;

void add_to(std::vector<Group>& groups, const Place& place)
{
    for (Group& group : groups)
        if (group.mailbox == place.mailbox && group.uid_validity == place.uid_validity) {
            if (std::ranges::find(group.uids, place.uid) == group.uids.end())
                group.uids.push_back(place.uid);
            return;
        }
    groups.push_back({place.mailbox, place.uid_validity, {place.uid}});
}

// RFC 8474 section 7: SEARCH EMAILID, in one mailbox after the other.
Task<Result<Place>> find_email(imap::Client& client, std::string email_id)
{
    if (!client.has("OBJECTID"))
        co_return fail(ErrorCode::not_found,
                       fmt::format("\"{}\" is no id that this server knows; ids here look like INBOX/1700000000/42",
                                   printable(email_id, 100)));
    const Result<std::vector<imap::ListResponse>> all = co_await client.list("", "*");
    if (!all)
        co_return fail(all.error());
    for (const imap::ListResponse& mailbox : *all) {
        if (!can_be_selected(mailbox))
            continue;
        const Result<imap::Selected> selected = co_await client.select(mailbox.mailbox, imap::Access::read_only);
        if (!selected)
            continue;
        const Result<std::vector<std::uint32_t>> found = co_await client.search({{"EMAILID " + email_id, {}}});
        if (!found)
            co_return fail(found.error());
        if (!found->empty())
            co_return Place{mailbox.mailbox, selected->uid_validity, found->front(), {}};
    }
    co_return fail(ErrorCode::not_found, fmt::format("there is no message {}", email_id));
}

}  // namespace

bool can_be_selected(const imap::ListResponse& mailbox)
{
    return !mailbox.has("\\Noselect") && !mailbox.has("\\NonExistent");
}

Task<Result<std::vector<Group>>> locate(imap::Client& client, std::string account, std::vector<Reference> references)
{
    std::vector<Group> groups;
    std::optional<Listing> listing;
    for (const Reference& reference : references) {
        if (reference.kind == Reference::Kind::number) {
            if (!listing) {
                Result<Listing> kept = last_listing(listing_file(), account);
                if (!kept)
                    co_return fail(kept.error());
                listing = std::move(*kept);
            }
            const Result<std::vector<Place>> places = places_of(*listing, std::span(&reference.number, 1));
            if (!places)
                co_return fail(places.error());
            add_to(groups, places->front());
        } else if (reference.kind == Reference::Kind::email_id) {
            const Result<Place> found = co_await find_email(client, reference.email_id);
            if (!found)
                co_return fail(found.error());
            add_to(groups, *found);
        } else {
            add_to(groups, reference.place);
        }
    }
    for (const Group& group : groups)
        if (group.mailbox.empty())
            co_return fail(ErrorCode::not_found, "that is a POP3 message; say --pop3 too");
    co_return groups;
}

Task<Result<std::vector<Group>>> locate(imap::Client& client, std::string account, std::vector<std::string> words)
{
    Result<std::vector<Reference>> references = parse_references(words);
    if (!references)
        co_return fail(references.error());
    if (references->empty())
        co_return fail(ErrorCode::malformed, "which message? A number of the last listing, or an id");
    co_return co_await locate(client, std::move(account), std::move(*references));
}

Task<Result<void>> open_group(imap::Client& client, const Group group, imap::Access access)
{
    const Result<imap::Selected> selected = co_await client.select(group.mailbox, access);
    if (!selected)
        co_return fail(selected.error());
    if (selected->uid_validity != group.uid_validity)
        co_return fail(
            ErrorCode::not_found,
            fmt::format("{} is no longer the mailbox that was listed; list again", printable(group.mailbox, 200)));
    const Result<std::vector<imap::FetchResponse>> there = co_await client.fetch(group.uids, {});
    if (!there)
        co_return fail(there.error());
    for (const std::uint32_t uid : group.uids) {
        const bool is_there =
            std::ranges::any_of(*there, [uid](const imap::FetchResponse& message) { return message.uid == uid; });
        if (!is_there)
            co_return fail(ErrorCode::not_found,
                           fmt::format("message {}/{}/{} is gone; list again", printable(group.mailbox, 200),
                                       group.uid_validity, uid));
    }
    co_return Result<void>{};
}

Task<Result<std::vector<Summary>>> summaries(imap::Client& client, std::vector<std::uint32_t> uids)
{
    std::vector<imap::FetchAttribute> attributes;
    for (const Kind kind : {Kind::flags, Kind::internal_date, Kind::rfc822_size, Kind::envelope, Kind::body_structure})
        attributes.push_back({.kind = kind});
    if (client.has("OBJECTID")) {
        attributes.push_back({.kind = Kind::email_id});
        attributes.push_back({.kind = Kind::thread_id});
    }
    if (client.has("PREVIEW"))
        attributes.push_back({.kind = Kind::preview});
    Result<std::vector<imap::FetchResponse>> messages = co_await client.fetch(std::move(uids), std::move(attributes));
    if (!messages)
        co_return fail(messages.error());
    std::vector<Summary> all;
    for (imap::FetchResponse& message : *messages)
        all.push_back(summary_of(std::move(message), client.selected().mailbox, client.selected().uid_validity));
    co_return all;
}

std::optional<std::string> mailbox_for(const std::vector<imap::ListResponse>& all, std::string_view use,
                                       std::span<const std::string_view> names)
{
    for (const imap::ListResponse& mailbox : all)
        if (mailbox.has(use) && can_be_selected(mailbox))
            return mailbox.mailbox;
    for (const std::string_view name : names)
        for (const imap::ListResponse& mailbox : all)
            if (equals_ignoring_case(mailbox.mailbox, name) && can_be_selected(mailbox))
                return mailbox.mailbox;
    return std::nullopt;
}

}  // namespace posthouse::mua
