// REPLACE and UID REPLACE: RFC 8508.
#include "imap/server/append_messages.h"
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

namespace posthouse::imap {

std::optional<Reply> check_replace(Session& session, const Command& command)
{
    std::optional<Reply> refused = check_writable(session, command);
    return refused ? refused : check_append(session, command);
}

// The old message goes in the commit that brings the new one: a client never sees both, nor neither.
Task<Reply> replace(Session& session, Command command)
{
    auto& arguments = std::get<AppendArguments>(command.arguments);
    const auto positions = positions_of(session.view(), *arguments.replaced, command.by_uid);
    if (!positions)
        co_return Reply::bad("REPLACE: there is no message of this number");
    const Result<Found> found = co_await find_mailbox(session, arguments.mailbox);
    if (!found && found.error() == ErrorCode::not_found)
        co_return Reply::no("there is no such mailbox", "TRYCREATE");
    if (!found)
        co_return refusal(found.error());
    if (found->account->id() != session.view().account->id())
        co_return Reply::no("a message is replaced within one account", "CANNOT");
    const mailbox::NumberSet uids = uids_at(*session.view().numbering, *positions);
    if (uids.count() != 1)
        co_return Reply::no("there is no such message", "NONEXISTENT");
    const mailbox::Entry* old = session.view().numbering->find(uids.ranges().front().first);
    IncomingMessages messages(session, found->account, found->mailbox.id, old->size);
    std::optional<Reply> answer = co_await messages.read(std::move(arguments));
    if (answer)
        co_return std::move(*answer);
    if (messages.filings().size() != 1)
        co_return Reply::bad("REPLACE: one message takes the place of one");
    mailbox::Filing filing = std::move(messages.filings().front());
    filing.replaces = {session.view().mailbox, uids.ranges().front().first};
    const Result<mailbox::Filed> filed = co_await found->account->file(std::move(filing));
    if (!filed && filed.error() == ErrorCode::not_found)
        co_return Reply::no("the message is gone, or its mailbox", "NONEXISTENT");
    if (!filed)
        co_return refusal(filed.error());
    session.out().raw("* OK [").raw(appenduid({*filed})).raw("] here is the new one\r\n");
    const Result<void> told = co_await session.tell_updates(Expunges::told);
    if (!told)
        co_return Reply::gone();
    // RFC 8508 section 4.5: as of a UID EXPUNGE.
    co_return Reply::ok("replaced", expunged_code(session, {uids, session.view().told}));
}

}  // namespace posthouse::imap
