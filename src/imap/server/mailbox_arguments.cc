#include "imap/server/mailbox_arguments.h"

#include "imap/server/shared_names.h"

namespace posthouse::imap {

Task<Result<Found>> find_mailbox(Session& session, std::string name)
{
    const Result<std::string> normal = mailbox::normal_name(name);
    if (!normal)
        co_return fail(ErrorCode::not_found);  // a name that cannot be is the name of nothing
    Result<Place> place = co_await place_of(session, *normal);
    if (!place)
        co_return fail(place.error());
    Result<mailbox::MailboxTreePtr> tree = co_await place->account->tree();
    if (!tree)
        co_return fail(tree.error());
    const mailbox::Mailbox* found = (*tree)->find(place->name);
    if (found == nullptr || !found->selectable)
        co_return fail(ErrorCode::not_found);
    co_return Found{place->account, *tree, *found, place->prefix + found->name};
}

}  // namespace posthouse::imap
