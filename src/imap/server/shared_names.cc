#include "imap/server/shared_names.h"

#include "imap/grammar/list_pattern.h"

namespace posthouse::imap {

namespace {

std::string prefix_of(std::string_view address) { return std::string(shared_prefix) + std::string(address) + "/"; }

}  // namespace

Task<Result<Place>> place_of(Session& session, std::string name)
{
    directory::Directory* directory = session.services().directory;
    if (directory == nullptr || !name.starts_with(shared_prefix))
        co_return Place{session.account_handle(), {}, std::move(name)};
    const std::size_t begin = shared_prefix.size();
    const std::size_t end = std::min(name.find(hierarchy_separator, begin), name.size());
    const Result<directory::Account> owner = co_await directory->account_by_address(name.substr(begin, end - begin));
    if (!owner || owner->id == session.account().id())
        co_return fail(ErrorCode::not_found);
    Result<mailbox::AccountPtr> opened = co_await session.services().mailboxes.open(session.account().id(), owner->id);
    if (!opened)
        co_return fail(ErrorCode::not_found);
    co_return Place{std::move(*opened), prefix_of(owner->address), end < name.size() ? name.substr(end + 1) : ""};
}

Task<Result<Place>> place_of(Session& session, mailbox::AccountId owner)
{
    directory::Directory* directory = session.services().directory;
    if (directory == nullptr || owner == session.account().id())
        co_return fail(ErrorCode::not_found);
    const Result<directory::Account> account = co_await directory->account(owner);
    if (!account)
        co_return fail(account.error());
    Result<mailbox::AccountPtr> opened = co_await session.services().mailboxes.open(session.account().id(), owner);
    if (!opened)
        co_return fail(opened.error());
    co_return Place{std::move(*opened), prefix_of(account->address), {}};
}

Task<std::vector<Place>> all_places(Session& session)
{
    std::vector<Place> places;
    places.push_back({session.account_handle(), {}, {}});
    if (session.services().directory == nullptr)
        co_return places;
    const auto sharers = co_await session.services().mailboxes.sharers(session.account().id());
    if (!sharers)
        co_return places;  // one's own are better than none
    for (const auto& sharer : *sharers) {
        Result<Place> place = co_await place_of(session, sharer.owner);
        if (place)
            places.push_back(std::move(*place));
    }
    co_return places;
}

}  // namespace posthouse::imap
