// SELECT and EXAMINE: RFC 3501 sections 6.3.1 and 6.3.2.
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

namespace posthouse::imap {

namespace {

using mailbox::Snapshot;
using mailbox::SystemFlag;

// RFC 3501 section 7.1: [UNSEEN n], the first message without \Seen. Only the blocks before it are looked at.
std::uint32_t first_unseen(const Snapshot& snapshot)
{
    if (snapshot.unseen == 0)
        return 0;
    std::uint32_t number = 0;
    for (const auto& block : snapshot.blocks)
        for (const mailbox::Entry& entry : block->entries) {
            ++number;
            if (!entry.flags.has(SystemFlag::seen))
                return number;
        }
    return 0;
}

}  // namespace

Task<Reply> select(Session& session, Command command)
{
    const auto& arguments = std::get<SelectArguments>(command.arguments);
    // RFC 3501 section 6.3.1: a SELECT that fails leaves no mailbox selected.
    session.unselect();
    const Result<Found> found = co_await find_mailbox(session, arguments.mailbox);
    if (!found)
        co_return refusal(found.error());
    const Result<mailbox::SnapshotPtr> opened = co_await session.account().snapshot(found->mailbox.id);
    if (!opened)
        co_return refusal(opened.error());
    if (arguments.condstore)
        session.enable_condstore();

    const Snapshot& snapshot = **opened;
    View view{.mailbox = found->mailbox.id,
              .read_only = command.verb == Verb::examine,
              .numbering = *opened,
              .told = *opened,
              .recent = {}};
    Serializer& out = session.out();
    write_flag_lists(out, *snapshot.keywords, view.read_only);
    write_exists(out, view, session.claims(), session.account().id());
    if (const std::uint32_t number = first_unseen(snapshot))
        out.raw("* OK [UNSEEN ").number(number).raw("] the first that was not read\r\n");
    out.raw("* OK [UIDVALIDITY ").number(snapshot.uid_validity).raw("] UIDs are valid\r\n");
    out.raw("* OK [UIDNEXT ").number(snapshot.uid_next).raw("] the next UID\r\n");
    out.raw("* OK [HIGHESTMODSEQ ").number(snapshot.highest_modseq).raw("] the latest change\r\n");
    out.raw("* OK [MAILBOXID (").raw(id_text(view.mailbox)).raw(")] its lasting id\r\n");  // RFC 8474 section 4.2
    const bool read_only = view.read_only;
    session.select(std::move(view));
    co_return Reply::ok(read_only ? "opened for reading" : "opened", read_only ? "READ-ONLY" : "READ-WRITE");
}

}  // namespace posthouse::imap
