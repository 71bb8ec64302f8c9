// LOGIN: RFC 3501 section 6.2.3.
#include "imap/server/login.h"

#include "imap/server/commands.h"

namespace posthouse::imap {

namespace {

using directory::LoginFailure;

Reply reply_to(LoginFailure failure)
{
    switch (failure) {
    case LoginFailure::wrong: return Reply::no("user or password is wrong", "AUTHENTICATIONFAILED");
    case LoginFailure::disabled: return Reply::no("this account is disabled", "CONTACTADMIN");
    case LoginFailure::malformed: return Reply::bad("this does not fit the mechanism");
    case LoginFailure::cancelled: return Reply::bad("cancelled, as you wished");
    case LoginFailure::too_weak: return Reply::no("this mechanism is not for this connection", "CANNOT");
    case LoginFailure::needs_tls: return Reply::no("start TLS before you send a password", "PRIVACYREQUIRED");
    case LoginFailure::busy: return Reply::no("logins cannot be checked now; try again shortly", "UNAVAILABLE");
    case LoginFailure::throttled:
        return Reply::no("too many logins have failed; wait before the next one", "UNAVAILABLE");
    case LoginFailure::unknown_mechanism: return Reply::no("this mechanism is not offered", "CANNOT");
    }
    return Reply::no("the login failed", "AUTHENTICATIONFAILED");
}

}  // namespace

Reply login_refused(Session& session, const directory::LoginFailed& failed)
{
    session.services().log.write(LogLevel::info, "imap/server", session.id(), "login refused",
                                 {{"peer", session.channel().wire().peer().text()}, {"why", failed.reason}});
    session.channel().transcript().step("login", "refused", failed.reason);
    return reply_to(failed.failure);
}

std::optional<Reply> check_login(Session& session, const Command&)
{
    if (!session.may_send_passwords())
        return Reply::no("start TLS before you send a password", "PRIVACYREQUIRED");
    return std::nullopt;
}

Task<Reply> login(Session& session, Command command)
{
    auto& arguments = std::get<LoginArguments>(command.arguments);
    directory::SaslStep step = co_await session.services().authenticator.login(
        std::move(arguments.user), std::move(arguments.password), session.peer());
    if (const auto* failed = std::get_if<directory::LoginFailed>(&step))
        co_return login_refused(session, *failed);
    auto* done = std::get_if<directory::LoggedIn>(&step);
    if (done == nullptr)
        co_return Reply::no("the login failed", "AUTHENTICATIONFAILED");
    co_return co_await session.enter(std::move(done->account));
}

}  // namespace posthouse::imap
