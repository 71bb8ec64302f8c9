// SELECT and EXAMINE: RFC 3501 sections 6.3.1 and 6.3.2, RFC 9051 section 6.3.2, QRESYNC by RFC 7162 section 3.2.5.
#include "imap/server/commands.h"
#include "imap/server/fetch.h"
#include "imap/server/mailbox_arguments.h"

namespace posthouse::imap {

namespace {

using mailbox::NumberSet;
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

// RFC 4314 section 5.2: is there anything that could be changed?
bool may_change(mailbox::Rights rights)
{
    using mailbox::Right;
    return rights.has(Right::write) || rights.has(Right::keep_seen) || rights.has(Right::insert) ||
        rights.has(Right::remove_messages) || rights.has(Right::expunge);
}

// RFC 7162 section 3.2.11, RFC 9051 section 7.1: from here on the answers speak of the new mailbox. A server that
// knows of mod-sequences says so whatever was enabled.
void leave_selected(Session& session)
{
    if (session.state() == State::selected)
        session.out().raw("* OK [CLOSED] the mailbox before is closed\r\n");
    session.unselect();
}

// `asked`: the name as the client wrote it.
void write_head(Session& session, View& view, const std::string& name, const std::string& asked)
{
    const Snapshot& snapshot = *view.numbering;
    Serializer& out = session.out();
    const Dialect dialect = session.dialect();
    write_flag_lists(out, *snapshot.keywords, view);
    write_exists(out, view, session.claims(), dialect);
    // RFC 9051 has no [UNSEEN], and UIDONLY no sequence numbers.
    const std::uint32_t number = session.enabled().rev2 || dialect.uid_only ? 0 : first_unseen(snapshot);
    if (number != 0)
        out.raw("* OK [UNSEEN ").number(number).raw("] the first that was not read\r\n");
    out.raw("* OK [UIDVALIDITY ").number(snapshot.uid_validity).raw("] UIDs are valid\r\n");
    out.raw("* OK [UIDNEXT ").number(snapshot.uid_next).raw("] the next UID\r\n");
    out.raw("* OK [HIGHESTMODSEQ ").number(snapshot.highest_modseq).raw("] the latest change\r\n");
    out.raw("* OK [MAILBOXID (").raw(id_text(view.mailbox)).raw(")] its lasting id\r\n");  // RFC 8474 section 4.2
    if (!session.enabled().rev2)
        return;
    out.raw("* LIST () \"/\" ").mailbox(name);
    if (name != asked && name != "INBOX")  // RFC 9051 section 6.3.9.7
        out.raw(" (\"OLDNAME\" (").mailbox(asked).raw("))");
    out.crlf();
}

// What the client does not know yet: first the UIDs that are gone, then the flags that have changed.
Task<Result<void>> resynchronise(Session& session, Resynchronisation known)
{
    const Snapshot& snapshot = *session.view().numbering;
    if (known.uid_validity != snapshot.uid_validity)
        co_return Result<void>{};
    const Result<NumberSet> gone = co_await session.view().account->vanished(snapshot.mailbox, known.modseq);
    if (!gone)
        co_return fail(gone.error());
    const SequenceSet all{.items = {{1, SequenceSet::star}}};
    const SequenceSet& asked = known.known_uids ? *known.known_uids : all;
    write_vanished(session.out(), gone_earlier(session.view(), *gone, asked), When::earlier);
    const auto positions = positions_of(session.view(), asked, true);
    co_return co_await tell_changes(session, *positions, known.modseq);
}

}  // namespace

std::optional<Reply> check_select(Session& session, const Command& command)
{
    const auto& arguments = std::get<SelectArguments>(command.arguments);
    if (arguments.resynchronise && !session.enabled().qresync)
        return Reply::bad(std::string(name_of(command.verb)) + ": ENABLE QRESYNC comes first");
    if (arguments.resynchronise && arguments.resynchronise->has_sequence_match && session.enabled().uid_only)
        return Reply::bad(std::string(name_of(command.verb)) + ": by UID only, as you wished", "UIDREQUIRED");
    return std::nullopt;
}

Task<Reply> select(Session& session, Command command)
{
    auto& arguments = std::get<SelectArguments>(command.arguments);
    // RFC 3501 section 6.3.1: a SELECT that fails leaves no mailbox selected.
    leave_selected(session);
    const Result<Found> found = co_await find_mailbox(session, arguments.mailbox);
    if (!found)
        co_return refusal(found.error());
    const Result<mailbox::SnapshotPtr> opened = co_await found->account->snapshot(found->mailbox.id);
    if (!opened)
        co_return refusal(opened.error());
    if (arguments.condstore)
        session.enable_condstore();

    const bool read_only = command.verb == Verb::examine || !may_change(found->mailbox.rights);
    View view{.account = found->account,
              .mailbox = found->mailbox.id,
              .read_only = read_only,
              .rights = found->mailbox.rights,
              .numbering = *opened,
              .told = *opened,
              .recent = {}};
    write_head(session, view, found->name, arguments.mailbox);
    session.select(std::move(view));
    if (arguments.resynchronise) {
        const Result<void> told = co_await resynchronise(session, std::move(*arguments.resynchronise));
        if (!told && told.error() == ErrorCode::closed)
            co_return Reply::gone();
        if (!told) {
            session.unselect();
            co_return refusal(told.error());
        }
    }
    co_return Reply::ok(read_only ? "opened for reading" : "opened", read_only ? "READ-ONLY" : "READ-WRITE");
}

}  // namespace posthouse::imap
