// IDLE: RFC 2177. The session sleeps until its mailbox changes or the client says DONE.
#include "imap/server/commands.h"

namespace posthouse::imap {

namespace {

// The line that ends it: DONE, in any case; anything else is a mistake.
Task<Reply> end_of_idle(Session& session)
{
    const Result<std::string> line = co_await session.reader().line(session.patience());
    if (!line && line.error() == ErrorCode::malformed)
        co_return Reply::bad("lines end with CRLF");
    if (!line)
        co_return ending(line.error());
    session.channel().transcript().client_line(*line);
    if (!equals_ignoring_case(*line, "DONE"))
        co_return Reply::bad("IDLE: DONE was expected");
    co_return Reply::ok("awake again");
}

}  // namespace

Task<Reply> idle(Session& session, Command)
{
    net::Wire& wire = session.channel().wire();
    mailbox::Watch watch;
    const bool is_elsewhere = session.state() == State::selected && session.view().account != session.account_handle();
    if (session.state() == State::selected && (is_elsewhere || !session.notifies()))
        watch = session.view().account->watch(session.view().mailbox, session.loop(), [&wire] { wire.wake(); });
    session.out().raw("+ idling\r\n");
    const Deadline end = Deadline::in(session.services().clock, session.patience());
    // Bytes may be there already: clients send DONE in the same breath.
    while (session.channel().input().empty()) {
        // What changed before the watch was set is told here as well.
        if (session.state() == State::selected) {
            const Result<void> told = co_await session.tell_updates(Expunges::told);
            if (!told)
                co_return Reply::gone();
        }
        const Result<void> notified = co_await session.tell_notifications();
        if (!notified)
            co_return Reply::gone();
        const Result<void> sent = co_await session.channel().flush();
        if (!sent)
            co_return Reply::gone();
        const Result<net::Filled> filled = co_await wire.fill_or_wake(end, most_after_login);
        if (!filled)
            co_return ending(filled.error());
    }
    co_return co_await end_of_idle(session);
}

}  // namespace posthouse::imap
