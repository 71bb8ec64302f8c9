// EXPUNGE: RFC 3501 section 6.4.3; UID EXPUNGE: RFC 4315 section 2.1.
#include "imap/server/commands.h"
#include "imap/server/message_limit.h"

namespace posthouse::imap {

namespace {

using mailbox::NumberSet;

bool is_marked_deleted(const mailbox::Entry& entry) { return entry.flags.has(mailbox::SystemFlag::deleted); }

}  // namespace

std::string expunged_code(const Session& session, const mailbox::Expunged& expunged)
{
    if (!session.enabled().qresync || expunged.uids.empty())
        return {};
    return "HIGHESTMODSEQ " + std::to_string(expunged.snapshot->highest_modseq);
}

Task<Reply> expunge(Session& session, Command command)
{
    std::optional<NumberSet> uids;
    Portion portion;
    if (const auto* arguments = std::get_if<ExpungeArguments>(&command.arguments)) {
        View& view = session.view();
        portion.positions = *positions_of(view, *arguments->uids, true);
        // RFC 9738 section 3.1: only those marked count, and an EXPUNGE without UIDs has no limit.
        if (is_too_much(session, portion.positions)) {
            const Result<mailbox::SnapshotPtr> newest = co_await view.account->snapshot(view.mailbox);
            if (!newest)
                co_return refusal(newest.error());
            portion = allowed(session, those_that(portion.positions, *view.numbering, **newest, is_marked_deleted));
        }
        uids = uids_at(*view.numbering, portion.positions);
        if (uids->empty())
            co_return Reply::ok("there was nothing to expunge");
    }
    const Result<mailbox::Expunged> expunged = co_await session.view().account->expunge(
        session.view().mailbox, std::move(uids), mailbox::Account::Which::marked_deleted);
    if (!expunged)
        co_return refusal(expunged.error());
    session.tell(expunged->snapshot, {});
    co_return limited(session, Reply::ok("expunged", expunged_code(session, *expunged)), portion);
}

}  // namespace posthouse::imap
