// EXPUNGE: RFC 3501 section 6.4.3; UID EXPUNGE: RFC 4315 section 2.1.
#include "imap/server/commands.h"

namespace posthouse::imap {

std::string expunged_code(const Session& session, const mailbox::Expunged& expunged)
{
    if (!session.enabled().qresync || expunged.uids.empty())
        return {};
    return "HIGHESTMODSEQ " + std::to_string(expunged.snapshot->highest_modseq);
}

Task<Reply> expunge(Session& session, Command command)
{
    std::optional<mailbox::NumberSet> uids;
    if (const auto* arguments = std::get_if<ExpungeArguments>(&command.arguments)) {
        const auto positions = positions_of(session.view(), *arguments->uids, true);
        uids = uids_at(*session.view().numbering, *positions);
        if (uids->empty())
            co_return Reply::ok("there was nothing to expunge");
    }
    const Result<mailbox::Expunged> expunged = co_await session.view().account->expunge(
        session.view().mailbox, std::move(uids), mailbox::Account::Which::marked_deleted);
    if (!expunged)
        co_return refusal(expunged.error());
    session.tell(expunged->snapshot, {});
    co_return Reply::ok("expunged", expunged_code(session, *expunged));
}

}  // namespace posthouse::imap
