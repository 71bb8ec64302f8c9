#include "mua/desk.h"

#include "base/terminal.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

namespace posthouse::mua {

namespace {

std::string addresses_of(const Identities& identities)
{
    std::string all;
    for (const Identity& identity : identities.list)
        all += (all.empty() ? "" : ", ") + printable(identity.address, 200);
    return all;
}

// What a file from the lab may tell is about this machine alone.
void keep_only_loopback(Identities& identities)
{
    std::erase_if(identities.list, [](const Identity& identity) {
        return !is_loopback(identity.imap.host) || !is_loopback(identity.submission.host);
    });
    for (Identity& identity : identities.list)
        identity.in_lab = true;
}

bool same_host(const ServerAt& asked, const ServerAt& known) { return equals_ignoring_case(asked.host, known.host); }

void forget_secrets(Identity& identity)
{
    identity.password.clear();
    identity.certificate.clear();
    identity.in_lab = false;
}

ServerAt& server_for(Identity& identity, Protocol protocol)
{
    switch (protocol) {
    case Protocol::imap: return identity.imap;
    case Protocol::pop3: return identity.pop3;
    case Protocol::submission: break;
    }
    return identity.submission;
}

}  // namespace

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

Result<Identities> Desk::everybody() const
{
    Result<Identities> own = read_identities(own_identities_file());
    if (!own)
        return own;
    Result<Identities> lab = read_identities(lab_identities_file(choice_.lab_data));
    if (!lab)
        return own;  // a lab of somebody else, or a broken file: as if there were none
    keep_only_loopback(*lab);
    for (Identity& identity : lab->list)
        if (own->find(identity.address) == nullptr)
            own->list.push_back(std::move(identity));
    return own;
}

Result<Identity> Desk::whose(Protocol protocol)
{
    Result<Identities> all = everybody();
    if (!all)
        return fail(all.error());
    std::string address = !choice_.from.empty()       ? choice_.from
        : choice_.user.find('@') != std::string::npos ? choice_.user
                                                      : all->standard;
    const bool is_only_one =
        all->list.size() == 1 || (all->list.size() > 1 && !all->list[0].in_lab && all->list[1].in_lab);
    if (address.empty() && is_only_one)
        address = all->list[0].address;
    if (address.empty() && choice_.server.empty())
        return fail(
            ErrorCode::not_found,
            all->list.empty()
                ? std::string("whose mail? Log in first: posthouse login you@example.org --server mail.example.org")
                : fmt::format("whose mail? Say --user ADDRESS; known are {}", addresses_of(*all)));
    if (address.empty() && choice_.user.empty())
        return fail(ErrorCode::not_found, "with --server say --user too");

    Identity identity;
    if (const Identity* known = all->find(address); known != nullptr && !address.empty())
        identity = *known;
    else if (choice_.server.empty())
        return fail(
            ErrorCode::not_found,
            fmt::format("nothing is known of {}: log in first (posthouse login {} --server mail.example.org), or "
                        "name its --server{}",
                        printable(address, 200), printable(address, 200),
                        all->list.empty() ? "" : fmt::format("; known are {}", addresses_of(*all))));
    else
        identity.address = address.empty() ? choice_.user : address;
    if (const Result<void> applied = apply_options(identity, protocol); !applied)
        return fail(applied.error());
    return identity;
}

// A stored password goes to the host that it was stored for and proves by its certificate that it is that host: by
// name, or by the lab's own certificate on loopback. Without such a proof, only to the very same port.
bool Desk::may_be_trusted_with(const Identity& identity, const ServerAt& asked) const
{
    const bool proves_itself = !choice_.insecure && choice_.tls != "none";
    if (proves_itself && identity.in_lab && is_loopback(asked.host))
        return true;
    return std::ranges::any_of(
        std::array{&identity.imap, &identity.pop3, &identity.submission}, [&](const ServerAt* known) {
            return same_host(asked, *known) && (proves_itself || asked.port == 0 || asked.port == known->port);
        });
}

// --server: the one that this command speaks to first; the others are taken to be on the same host.
void Desk::point_at(Identity& identity, ServerAt asked, Protocol protocol) const
{
    ServerAt& at = server_for(identity, protocol);
    if (!may_be_trusted_with(identity, asked)) {
        forget_secrets(identity);
        identity.imap = identity.pop3 = identity.submission = {.host = asked.host};
        at = std::move(asked);
        return;
    }
    if (asked.port == 0)
        asked.port = at.port;
    if (choice_.tls.empty() && asked.port == at.port)
        asked.security = at.security;
    at = std::move(asked);
}

Result<void> Desk::apply_options(Identity& identity, Protocol protocol) const
{
    if (!choice_.user.empty() && !equals_ignoring_case(choice_.user, identity.address))
        identity.user = choice_.user;
    std::optional<Security> security = Security::automatic;
    if (!choice_.tls.empty() && !(security = parse_security(choice_.tls)))
        return fail(ErrorCode::malformed, "--tls is automatic, tls, starttls or none");
    if (!choice_.server.empty()) {
        Result<ServerAt> asked = parse_server(choice_.server);
        if (!asked)
            return fail(asked.error());
        asked->security = *security;
        point_at(identity, *asked, protocol);
    } else if (!choice_.tls.empty()) {
        server_for(identity, protocol).security = *security;
    }
    if (!choice_.submission.empty()) {
        const Result<ServerAt> asked = parse_server(choice_.submission);
        if (!asked)
            return fail(asked.error());
        if (!may_be_trusted_with(identity, *asked))
            forget_secrets(identity);
        identity.submission = *asked;
    }
    return {};
}

void Desk::follow_listing(std::span<const std::string> messages)
{
    const bool names_nobody = choice_.user.empty() && choice_.from.empty() && choice_.server.empty();
    const Result<std::vector<Reference>> references = parse_references(messages);
    if (!names_nobody || !references)
        return;
    const bool has_number =
        std::ranges::any_of(*references, [](const Reference& one) { return one.kind == Reference::Kind::number; });
    const Result<std::string> text = has_number ? read_small_file(listing_file()) : fail(ErrorCode::not_found);
    const Result<Listing> listing = text ? parse_listing(*text) : fail(ErrorCode::not_found);
    if (!listing || listing->session != this_session())
        return;
    choice_.user = listing->address;
    choice_.pop3 = choice_.pop3 || listing->by_pop3;
}

Manner Desk::manner_for(const Identity& identity, Protocol protocol) const
{
    Manner manner{.insecure = choice_.insecure, .certificate = identity.certificate};
    if (choice_.verbose) {
        const bool colour = wants_colour(stderr);
        const std::string_view name = protocol == Protocol::imap ? "imap"
            : protocol == Protocol::pop3                         ? "pop3"
                                                                 : "smtp";
        manner.show = [colour, name](Speaker speaker, std::string_view line) {
            const bool ours = speaker == Speaker::client;
            const std::string text = fmt::format("{} {} {}", name, ours ? "->" : "<-", printable(line, 2000));
            std::fprintf(stderr, "%s\n", styled(text, ours ? Style::red : Style::blue, colour).c_str());
        };
    }
    return manner;
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

std::string Desk::account_of(const Identity& identity) const
{
    return fmt::format("{} at {}", identity.login(), (choice_.pop3 ? identity.pop3 : identity.imap).text());
}

}  // namespace posthouse::mua
