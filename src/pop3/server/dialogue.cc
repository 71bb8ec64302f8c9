#include "pop3/server/dialogue.h"

#include "base/text.h"
#include "sasl/secret.h"

#include <fmt/format.h>

namespace posthouse::pop3 {

namespace {

constexpr unsigned in(State state) { return 1u << static_cast<unsigned>(state); }
constexpr unsigned before_login = in(State::authorization) | in(State::named);
constexpr unsigned transaction = in(State::transaction);

Step ok(std::string_view text) { return {fmt::format("+OK {}\r\n", text)}; }
Step error(std::string_view text) { return {fmt::format("-ERR {}\r\n", text)}; }

// RFC 2449 section 8 and RFC 3206: the codes that a client may act on.
std::string_view text_of(directory::LoginFailure failure)
{
    using enum directory::LoginFailure;
    switch (failure) {
    case wrong: return "[AUTH] user or password is wrong";
    case disabled: return "[AUTH] this account is disabled";
    case malformed: return "this does not fit the mechanism";
    case cancelled: return "cancelled, as you wished";
    case too_weak: return "[AUTH] this mechanism is not for this connection";
    case needs_tls: return "[AUTH] say STLS before you send a password";
    case busy: return "[SYS/TEMP] logins cannot be checked now; try again shortly";
    case throttled: return "[SYS/TEMP] too many logins have failed; wait before the next one";
    case unknown_mechanism: return "this mechanism is not offered; CAPA tells which are";
    }
    return "[AUTH] the login failed";
}

// RFC 5034 section 4: "=" is an empty response.
std::optional<std::string> decoded(std::string_view response)
{
    if (response == "=")
        return std::string();
    return base64_decode(response);
}

}  // namespace

constexpr std::array<Dialogue::Rule, verbs> Dialogue::rules{{
    {Verb::user, before_login, &Dialogue::user},
    {Verb::pass, in(State::named), &Dialogue::pass},
    {Verb::auth, before_login, &Dialogue::auth},
    {Verb::stls, before_login, &Dialogue::stls},
    {Verb::capa, before_login | transaction, &Dialogue::capa},
    {Verb::utf8, before_login, &Dialogue::utf8},
    {Verb::quit, before_login | transaction, &Dialogue::quit},
    {Verb::stat, transaction, &Dialogue::stat},
    {Verb::list, transaction, &Dialogue::list},
    {Verb::retr, transaction, &Dialogue::retr},
    {Verb::dele, transaction, &Dialogue::dele},
    {Verb::noop, before_login | transaction, &Dialogue::noop},
    {Verb::rset, transaction, &Dialogue::rset},
    {Verb::top, transaction, &Dialogue::top},
    {Verb::uidl, transaction, &Dialogue::uidl},
}};

Step Dialogue::greet() const { return ok(fmt::format("{} POP3 Posthouse", offer_.host)); }

Step Dialogue::fault(std::string text)
{
    if (++errors_ < most_errors)
        return error(text);
    state_ = State::over;
    return {fmt::format("-ERR {}; too many errors, goodbye\r\n", text), Next::close};
}

Step Dialogue::on_line(std::string_view line)
{
    if (state_ == State::exchange)
        return on_response(line);
    auto command = parse_command(line);
    if (!command)
        return fault(std::move(command.error().text));
    const Rule& rule = rules[static_cast<std::size_t>(command->verb)];
    if (rule.states & in(state_))
        return (this->*rule.proceed)(std::move(*command));
    if (state_ == State::transaction)
        return fault("you are logged in already");
    return fault(command->verb == Verb::pass ? "say USER first" : "log in first");
}

Step Dialogue::on_fault(LineFault line_fault)
{
    if (state_ == State::exchange)
        state_ = State::authorization;
    switch (line_fault) {
    case LineFault::bare_lf: return fault("lines end with CRLF; with nc use -C");
    case LineFault::bare_cr: return fault("a CR without LF");
    case LineFault::too_long: break;
    }
    return fault("the line is too long");
}

Step Dialogue::on_shutdown()
{
    state_ = State::over;
    return {"-ERR [SYS/TEMP] shutting down, come back later\r\n", Next::close};
}

std::string Dialogue::recordable(std::string_view line) const
{
    return state_ == State::exchange ? "[SASL response]" : pop3::recordable(line);
}

// Before the login.

Step Dialogue::user(Command command)
{
    if (!offer_.passwords_allowed)
        return refuse_login({directory::LoginFailure::needs_tls, {}});
    credentials_.user = std::move(command.text);
    state_ = State::named;
    return ok("and the password?");
}

Step Dialogue::pass(Command command)
{
    state_ = State::authorization;
    credentials_.password = std::move(command.text);
    sasl::wipe(command.text);  // a short one was copied
    return {.next = Next::log_in};
}

Step Dialogue::auth(Command command)
{
    state_ = State::authorization;
    if (command.text.empty()) {
        std::string reply = "+OK these mechanisms\r\n";
        for (const std::string& mechanism : offer_.mechanisms)
            reply += mechanism + "\r\n";
        return {reply + ".\r\n"};
    }
    Step step{.next = Next::begin_exchange, .text = std::move(command.text)};
    if (command.initial_response) {
        step.response = decoded(*command.initial_response);
        if (!step.response)
            return refuse_login({directory::LoginFailure::malformed, {}});
    }
    return step;
}

// RFC 5034 section 4: a line of base64, or `*` to give up.
Step Dialogue::on_response(std::string_view line)
{
    state_ = State::authorization;
    if (line == "*")
        return refuse_login({directory::LoginFailure::cancelled, {}});
    std::optional<std::string> response = decoded(line);
    if (!response)
        return refuse_login({directory::LoginFailure::malformed, {}});
    return {.next = Next::respond, .response = std::move(response)};
}

Step Dialogue::on_sasl(directory::SaslStep step)
{
    if (auto* challenge = std::get_if<directory::Challenge>(&step)) {
        state_ = State::exchange;
        return {fmt::format("+ {}\r\n", base64_encode(challenge->bytes))};
    }
    state_ = State::authorization;
    if (auto* failed = std::get_if<directory::LoginFailed>(&step))
        return refuse_login(*failed);
    account_ = std::move(std::get<directory::LoggedIn>(step).account);
    return {.next = Next::open_maildrop};
}

Step Dialogue::refuse_login(const directory::LoginFailed& failed)
{
    return fault(std::string(text_of(failed.failure)));
}

Step Dialogue::on_maildrop(Maildrop maildrop)
{
    maildrop_ = std::move(maildrop);
    state_ = State::transaction;
    errors_ = 0;
    return ok(fmt::format("{} messages, {} octets", maildrop_.count(), maildrop_.size()));
}

Step Dialogue::on_no_maildrop(std::string reason) { return fault(std::move(reason)); }

Step Dialogue::stls(Command)
{
    if (!offer_.tls_possible)
        return fault("TLS is not to be had here, or is up already");
    return {"+OK begin TLS\r\n", Next::start_tls};
}

Step Dialogue::on_tls(Offer offer)
{
    offer_ = std::move(offer);
    state_ = State::authorization;
    credentials_ = {};
    return {};
}

Step Dialogue::capa(Command)
{
    std::string reply = "+OK this is what there is\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                        "EXPIRE NEVER\r\nUTF8 USER\r\n";
    if (offer_.tls_possible && state_ != State::transaction)
        reply += "STLS\r\n";
    if (offer_.passwords_allowed)
        reply += "USER\r\n";
    if (!offer_.mechanisms.empty()) {
        reply += "SASL";
        for (const std::string& mechanism : offer_.mechanisms)
            reply += ' ' + mechanism;
        reply += "\r\n";
    }
    return {reply + "IMPLEMENTATION Posthouse\r\n.\r\n"};
}

// RFC 6856 section 2. Messages go out as they are with or without it: see the room's README.
Step Dialogue::utf8(Command) { return ok("UTF-8 it is"); }

// After it.

Step Dialogue::quit(Command)
{
    if (state_ == State::transaction && !maildrop_.deleted_uids().empty())
        return {.next = Next::remove};
    state_ = State::over;
    return {"+OK goodbye\r\n", Next::close};
}

// RFC 1939 section 6: an error is told, and the session ends all the same.
Step Dialogue::on_removed(const Result<void>& removed)
{
    state_ = State::over;
    if (!removed)
        return {"-ERR [SYS/TEMP] some deleted messages are not removed\r\n", Next::close};
    return {"+OK goodbye, the deleted messages are removed\r\n", Next::close};
}

// No error that counts: clients ask for what they remember.
Step Dialogue::no_such_message(std::uint32_t number) const
{
    return error(maildrop_.is_deleted(number) ? fmt::format("message {} is deleted already", number)
                                              : fmt::format("no such message, there are {}", maildrop_.numbers()));
}

Step Dialogue::stat(Command) { return ok(fmt::format("{} {}", maildrop_.count(), maildrop_.size())); }

Step Dialogue::list(Command command)
{
    if (!command.message)
        return {fmt::format("+OK {} messages, {} octets\r\n{}.\r\n", maildrop_.count(), maildrop_.size(),
                            maildrop_.list())};
    const mailbox::Entry* entry = maildrop_.find(*command.message);
    return entry ? ok(fmt::format("{} {}", *command.message, entry->size)) : no_such_message(*command.message);
}

Step Dialogue::uidl(Command command)
{
    if (!command.message)
        return {fmt::format("+OK these are the ids\r\n{}.\r\n", maildrop_.unique_ids())};
    const mailbox::Entry* entry = maildrop_.find(*command.message);
    return entry ? ok(fmt::format("{} {}", *command.message, maildrop_.unique_id(*entry)))
                 : no_such_message(*command.message);
}

Step Dialogue::retr(Command command)
{
    const mailbox::Entry* entry = maildrop_.find(*command.message);
    if (!entry)
        return no_such_message(*command.message);
    return {.reply = fmt::format("+OK {} octets\r\n", entry->size), .next = Next::retrieve, .number = *command.message};
}

Step Dialogue::top(Command command)
{
    if (!maildrop_.find(*command.message))
        return no_such_message(*command.message);
    return {
        .reply = "+OK here is the top\r\n", .next = Next::retrieve, .number = *command.message, .lines = command.lines};
}

Step Dialogue::dele(Command command)
{
    if (!maildrop_.find(*command.message))
        return no_such_message(*command.message);
    maildrop_.mark_deleted(*command.message);
    return ok(fmt::format("message {} goes when you QUIT", *command.message));
}

Step Dialogue::rset(Command)
{
    maildrop_.unmark_all();
    return ok(fmt::format("{} messages, {} octets", maildrop_.count(), maildrop_.size()));
}

Step Dialogue::noop(Command) { return ok("still here"); }

}  // namespace posthouse::pop3
