// AUTHENTICATE: RFC 3501 section 6.2.2, with an initial response by RFC 4959.
#include "imap/server/commands.h"
#include "imap/server/login.h"

namespace posthouse::imap {

namespace {

using directory::LoginFailure;
using directory::SaslStep;

// HOSTILE A23: no exchange of ours takes more turns.
constexpr unsigned most_turns = 10;

// RFC 4959 section 3: "=" is an empty response.
std::optional<std::string> decoded(std::string_view response)
{
    if (response == "=")
        return std::string();
    return base64_decode(response);
}

SaslStep failed(LoginFailure failure, std::string reason) { return directory::LoginFailed{failure, std::move(reason)}; }

// "+ challenge", and the client's answer to it.
Task<Result<std::string>> ask(Session& session, std::string challenge)
{
    session.out().raw("+ ").raw(base64_encode(challenge)).crlf();
    Result<std::string> line = co_await session.reader().line(session.patience());
    session.channel().transcript().client_line("[SASL response]");
    co_return line;
}

}  // namespace

std::optional<Reply> check_authenticate(Session& session, const Command& command)
{
    const std::string& mechanism = std::get<AuthenticateArguments>(command.arguments).mechanism;
    const bool sends_password = mechanism == "PLAIN" || mechanism == "LOGIN";
    if (sends_password && !session.may_send_passwords())
        return Reply::no("start TLS before you send a password", "PRIVACYREQUIRED");
    return std::nullopt;
}

Task<Reply> authenticate(Session& session, Command command)
{
    auto& arguments = std::get<AuthenticateArguments>(command.arguments);
    std::optional<std::string> initial;
    if (arguments.initial_response) {
        initial = decoded(*arguments.initial_response);
        if (!initial)
            co_return login_refused(session, {LoginFailure::malformed, "bad base64"});
    }
    const auto exchange = session.services().authenticator.begin(arguments.mechanism, session.peer());
    if (!exchange)
        co_return login_refused(session, {LoginFailure::unknown_mechanism, arguments.mechanism});
    SaslStep step = co_await exchange->start(std::move(initial));
    for (unsigned turn = 0; std::holds_alternative<directory::Challenge>(step); ++turn) {
        if (turn == most_turns)
            co_return login_refused(session, {LoginFailure::malformed, "too many turns"});
        Result<std::string> line = co_await ask(session, std::move(std::get<directory::Challenge>(step).bytes));
        if (!line && line.error() == ErrorCode::malformed)
            co_return Reply::bad("lines end with CRLF");
        if (!line)
            co_return ending(line.error());
        if (*line == "*")
            co_return login_refused(session, {LoginFailure::cancelled, "the client cancelled"});
        std::optional<std::string> response = decoded(*line);
        if (!response)
            step = failed(LoginFailure::malformed, "bad base64");
        else
            step = co_await exchange->respond(std::move(*response));
    }
    if (const auto* refused = std::get_if<directory::LoginFailed>(&step))
        co_return login_refused(session, *refused);
    co_return co_await session.enter(std::move(std::get<directory::LoggedIn>(step).account));
}

}  // namespace posthouse::imap
