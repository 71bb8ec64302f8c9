// The desk's ways to the servers: which password, from where, and the login.
#include "mua/desk.h"

#include "base/terminal.h"
#include "base/text.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

namespace posthouse::mua {

Result<std::string> ask_on_terminal(const std::string& prompt)
{
    if (is_terminal(stdin))
        return read_password(prompt);
    std::FILE* terminal = std::fopen("/dev/tty", "r+e");
    if (terminal == nullptr)
        return fail(ErrorCode::closed, "no terminal to ask at");
    termios before{};
    if (::tcgetattr(::fileno(terminal), &before) != 0) {
        std::fclose(terminal);
        return fail(ErrorCode::io, "cannot turn the echo off");
    }
    std::fprintf(terminal, "%s: ", prompt.c_str());
    std::fflush(terminal);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(::fileno(terminal), TCSAFLUSH, &silent);
    char line[1024];
    const bool read = std::fgets(line, sizeof line, terminal) != nullptr;
    ::tcsetattr(::fileno(terminal), TCSAFLUSH, &before);
    std::fputc('\n', terminal);
    std::fclose(terminal);
    if (!read)
        return fail(ErrorCode::closed, "no password was typed");
    std::string password(line);
    while (password.ends_with('\n') || password.ends_with('\r'))
        password.pop_back();
    return password;
}

Error Desk::wrapped(Error error, const Identity& identity) const
{
    if (identity.in_lab && error == ErrorCode::unavailable)
        error.text += "; does the lab run? Start it with: posthouse lab";
    return error;
}

// From the environment, for scripts; else from the person, once.
Result<Desk::Password> Desk::ask_password(const Identity& identity)
{
    if (!typed_password_.empty())
        return Password{typed_password_, true};
    if (const char* given = std::getenv("POSTHOUSE_PASSWORD"); given != nullptr && *given != '\0')
        return Password{given, true};
    const std::string who = printable(identity.login(), 200);
    const Result<std::string> typed = ask_on_terminal(fmt::format("Password of {}", who));
    if (!typed || typed->empty())
        return fail(ErrorCode::not_permitted,
                    fmt::format("no password for {}: log in first (posthouse login {}), or set POSTHOUSE_PASSWORD", who,
                                printable(identity.address, 200)));
    typed_password_ = *typed;
    return Password{typed_password_, true};
}

// A stored one first: it belongs to this identity, which what is typed or in the environment may not.
Result<Desk::Password> Desk::password_for(const Identity& identity)
{
    if (!identity.password.empty())
        return Password{identity.password, false};
    return ask_password(identity);
}

Result<std::string> Desk::password_of(const Identity& identity)
{
    Result<Password> password = password_for(identity);
    if (!password)
        return fail(password.error());
    return std::move(password->text);
}

Task<Result<std::unique_ptr<imap::Client>>> Desk::open_imap(Identity identity)
{
    if (!identity.imap.known())
        co_return fail(ErrorCode::not_found,
                       fmt::format("{} has no IMAP server; name it by --server", identity.address));
    Result<Password> password = password_for(identity);
    if (!password)
        co_return fail(password.error());
    Result<std::unique_ptr<imap::Client>> client =
        co_await connect_imap(identity.imap, manner_for(identity, Protocol::imap), clock_);
    if (!client)
        co_return fail(wrapped(client.error(), identity));
    const auto clear = identity.imap.security == Security::none ? imap::ClearPasswords::yes : imap::ClearPasswords::no;
    Result<void> entered = co_await (*client)->log_in(identity.login(), password->text, random_, clear);
    // A kept password that is no longer right: the person may know the new one.
    if (!entered && entered.error() == ErrorCode::not_permitted && !password->typed) {
        const Result<Password> again = ask_password(identity);
        if (again)
            entered = co_await (*client)->log_in(identity.login(), again->text, random_, clear);
    }
    if (!entered)
        co_return fail(entered.error());
    co_return client;
}

Task<Result<std::unique_ptr<pop3::Client>>> Desk::open_pop3(Identity identity)
{
    if (!identity.pop3.known())
        co_return fail(ErrorCode::not_found,
                       fmt::format("{} has no POP3 server; name it by --server", identity.address));
    const Result<Password> password = password_for(identity);
    if (!password)
        co_return fail(password.error());
    Result<std::unique_ptr<pop3::Client>> client =
        co_await connect_pop3(identity.pop3, manner_for(identity, Protocol::pop3), clock_);
    if (!client)
        co_return fail(wrapped(client.error(), identity));
    const auto clear = identity.pop3.security == Security::none ? pop3::ClearPasswords::yes : pop3::ClearPasswords::no;
    const Result<void> entered = co_await (*client)->log_in(identity.login(), password->text, random_, clear);
    if (!entered)
        co_return fail(entered.error());
    co_return client;
}

Task<Result<std::unique_ptr<smtp::Client>>> Desk::open_submission(Identity identity)
{
    if (!identity.submission.known())
        co_return fail(ErrorCode::not_found,
                       fmt::format("{} has no submission server; name it by --server", identity.address));
    Result<std::unique_ptr<smtp::Client>> client =
        co_await connect_submission(identity.submission, manner_for(identity, Protocol::submission), clock_);
    if (!client)
        co_return fail(wrapped(client.error(), identity));
    const smtp::Capabilities& server = (*client)->capabilities();
    if (server.mechanisms.empty())
        co_return client;  // a relay that knows us by our address
    Result<Password> password = password_for(identity);
    if (!password)
        co_return fail(password.error());
    for (int turn = 0;; ++turn) {
        smtp::LoginWith with{.user = identity.login(), .password = password->text};
        const bool may_be_clear = (*client)->wire().is_tls() || identity.submission.security == Security::none;
        with.clear = may_be_clear ? smtp::ClearPasswords::yes : smtp::ClearPasswords::no;
        with.tls_exporter = (*client)->wire().channel_binding(net::ChannelBinding::tls_exporter);
        Result<std::unique_ptr<smtp::SaslClient>> sasl =
            smtp::choose_sasl_client(server.mechanisms, std::move(with), random_);
        if (!sasl)
            co_return fail(sasl.error());
        const Result<smtp::Reply> reply = co_await (*client)->login(std::move(*sasl));
        if (!reply)
            co_return fail(reply.error());
        if (reply->is_success())
            co_return client;
        if (turn == 0 && reply->is_permanent() && !password->typed) {
            password = ask_password(identity);
            if (password)
                continue;
        }
        co_return fail(reply->is_transient() ? ErrorCode::unavailable : ErrorCode::not_permitted,
                       fmt::format("login refused: the server says: {}", printable(reply->line(), 300)));
    }
}

}  // namespace posthouse::mua
