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

Task<std::vector<Place>> all_places(Session& session)
{
    std::vector<Place> places;
    places.push_back({session.account_handle(), {}, {}});
    directory::Directory* directory = session.services().directory;
    if (directory == nullptr)
        co_return places;
    const auto sharers = co_await session.services().mailboxes.sharers(session.account().id());
    if (!sharers)
        co_return places;  // one's own are better than none
    for (const auto& sharer : *sharers) {
        const Result<directory::Account> owner = co_await directory->account(sharer.owner);
        if (!owner || owner->id == session.account().id())
            continue;
        Result<mailbox::AccountPtr> opened =
            co_await session.services().mailboxes.open(session.account().id(), owner->id);
        if (opened)
            places.push_back({std::move(*opened), prefix_of(owner->address), {}});
    }
    co_return places;
}

}  // namespace posthouse::imap
