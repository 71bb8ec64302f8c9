// STATUS: RFC 3501 section 6.3.10, RFC 7162, 7889, 8438, 8474, 9208.
#include "imap/server/status.h"

#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

// RFC 9208 section 3.1.4: how much an EXPUNGE would free. Looked at only where something is deleted.
std::uint64_t deleted_bytes(const mailbox::Snapshot& snapshot)
{
    std::uint64_t bytes = 0;
    if (snapshot.deleted == 0)
        return bytes;
    for (const auto& block : snapshot.blocks)
        for (const mailbox::Entry& entry : block->entries)
            if (entry.flags.has(mailbox::SystemFlag::deleted))
                bytes += entry.size;
    return bytes;
}

void write_item(Session& session, const mailbox::Account& account, const mailbox::Snapshot& snapshot, StatusItem item)
{
    Serializer& out = session.out();
    switch (item) {
    case StatusItem::messages: out.raw("MESSAGES ").number(snapshot.size()); break;
    case StatusItem::recent: {
        const mailbox::Uid from = session.claims().unclaimed_from(account.id(), snapshot);
        out.raw("RECENT ").number(snapshot.size() - snapshot.position_of(from));
        break;
    }
    case StatusItem::uid_next: out.raw("UIDNEXT ").number(snapshot.uid_next); break;
    case StatusItem::uid_validity: out.raw("UIDVALIDITY ").number(snapshot.uid_validity); break;
    case StatusItem::unseen: out.raw("UNSEEN ").number(snapshot.unseen); break;
    case StatusItem::deleted: out.raw("DELETED ").number(snapshot.deleted); break;
    case StatusItem::size: out.raw("SIZE ").number(snapshot.total_size); break;
    case StatusItem::highest_modseq: out.raw("HIGHESTMODSEQ ").number(snapshot.highest_modseq); break;
    case StatusItem::mailbox_id: out.raw("MAILBOXID (").raw(id_text(snapshot.mailbox)).raw(")"); break;
    case StatusItem::deleted_storage: out.raw("DELETED-STORAGE ").number(deleted_bytes(snapshot)); break;
    case StatusItem::append_limit: out.raw("APPENDLIMIT ").number(session.options().most_message); break;
    }
}

}  // namespace

void write_status(Session& session, const mailbox::Account& account, std::string_view name,
                  const mailbox::Snapshot& snapshot, const std::vector<StatusItem>& items)
{
    // RFC 7162 section 3.1: it switches CONDSTORE on, which may have a line of its own to say.
    if (std::ranges::find(items, StatusItem::highest_modseq) != items.end())
        session.enable_condstore();
    session.out().raw("* STATUS ").mailbox(name).raw(" (");
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0)
            session.out().raw(" ");
        write_item(session, account, snapshot, items[i]);
    }
    session.out().raw(")\r\n");
}

Task<Reply> status(Session& session, Command command)
{
    const auto& arguments = std::get<StatusArguments>(command.arguments);
    const Result<Found> found = co_await find_mailbox(session, arguments.mailbox);
    if (!found)
        co_return refusal(found.error());
    const Result<mailbox::SnapshotPtr> snapshot = co_await found->account->snapshot(found->mailbox.id);
    if (!snapshot)
        co_return refusal(snapshot.error());
    write_status(session, *found->account, found->name, **snapshot, arguments.items);
    co_return Reply::ok("that is how it stands");
}

}  // namespace posthouse::imap
