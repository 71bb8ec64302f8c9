#include "imap/server/mailbox_arguments.h"

namespace posthouse::imap {

Task<Result<Found>> find_mailbox(Session& session, std::string name)
{
    const Result<std::string> normal = mailbox::normal_name(name);
    if (!normal)
        co_return fail(ErrorCode::not_found);  // a name that cannot be is the name of nothing
    Result<mailbox::MailboxTreePtr> tree = co_await session.account().tree();
    if (!tree)
        co_return fail(tree.error());
    const mailbox::Mailbox* found = (*tree)->find(*normal);
    if (found == nullptr || !found->selectable)
        co_return fail(ErrorCode::not_found);
    co_return Found{*tree, *found};
}

}  // namespace posthouse::imap
