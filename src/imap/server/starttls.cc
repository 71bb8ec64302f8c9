// STARTTLS: RFC 3501 section 6.2.1.
#include "imap/server/commands.h"

namespace posthouse::imap {

namespace {

constexpr Duration handshake_patience = 30s;

}  // namespace

std::optional<Reply> check_starttls(Session& session, const Command&)
{
    if (session.channel().wire().is_tls())
        return Reply::bad("TLS is up already");
    if (!session.can_start_tls())
        return Reply::no("there is no certificate here", "UNAVAILABLE");
    return std::nullopt;
}

// Writes its own tagged OK: what comes behind it is TLS.
Task<Reply> starttls(Session& session, Command command)
{
    // HOSTILE A3: what was sent in the clear behind STARTTLS must not be taken for what TLS protects.
    if (!session.channel().input().empty()) {
        session.channel().transcript().step("tls", "refused", "bytes were sent behind STARTTLS before the handshake");
        co_return Reply::goodbye("nothing may be sent between STARTTLS and the handshake");
    }
    session.out().raw(command.tag).raw(" OK begin TLS now\r\n");
    const Result<void> sent = co_await session.channel().flush();
    if (!sent)
        co_return Reply::gone();
    net::Wire& wire = session.channel().wire();
    const Result<void> shaken =
        co_await wire.accept_tls(*session.services().tls, Deadline::in(session.services().clock, handshake_patience));
    if (!shaken) {
        session.services().log.write(LogLevel::info, "imap/server", session.id(), "TLS failed",
                                     {{"peer", wire.peer().text()}, {"why", shaken.error().text}});
        session.channel().transcript().step("tls", "failed", shaken.error().text);
        co_return Reply::gone();
    }
    session.channel().transcript().step("tls", wire.tls().version + " " + wire.tls().cipher, "STARTTLS");
    co_return Reply::answered();
}

}  // namespace posthouse::imap
