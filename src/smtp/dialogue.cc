#include "smtp/dialogue.h"

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

constexpr unsigned bit(State state) { return 1u << static_cast<unsigned>(state); }
template <class... States> constexpr unsigned in(States... states) { return (bit(states) | ...); }

constexpr unsigned anywhere =
    in(State::start, State::ready, State::mail, State::rcpt, State::chunks, State::chunks_refused);

enum class Login : std::uint8_t { not_needed, needed };

}  // namespace

// What may be said when (RFC 5321 section 4.1.4; RFC 4954 section 4 for the login; RFC 3030).
struct Dialogue::Rule {
    Verb verb;
    unsigned states;
    Login login;  // where the door wants one at all
    std::string_view otherwise;  // the 503's sentence in any other state
    Step (Dialogue::*proceed)(std::string_view argument);
};

constexpr std::array<Dialogue::Rule, verbs> Dialogue::rules{{
    {Verb::helo, anywhere, Login::not_needed, {}, &Dialogue::helo},
    {Verb::ehlo, anywhere, Login::not_needed, {}, &Dialogue::ehlo},
    {Verb::mail, in(State::ready), Login::needed, "MAIL has been said already; RSET begins anew", &Dialogue::mail},
    {Verb::rcpt, in(State::mail, State::rcpt), Login::needed, "say MAIL before RCPT", &Dialogue::rcpt},
    {Verb::data, in(State::mail, State::rcpt), Login::needed, "say MAIL and RCPT before DATA", &Dialogue::data},
    {Verb::bdat, in(State::mail, State::rcpt, State::chunks), Login::needed, "say MAIL and RCPT before BDAT",
     &Dialogue::bdat},
    {Verb::rset, anywhere, Login::not_needed, {}, &Dialogue::rset},
    {Verb::noop, anywhere, Login::not_needed, {}, &Dialogue::noop},
    {Verb::vrfy, anywhere, Login::needed, {}, &Dialogue::vrfy},
    {Verb::expn, anywhere, Login::not_needed, {}, &Dialogue::expn},
    {Verb::help, anywhere, Login::not_needed, {}, &Dialogue::help},
    {Verb::quit, anywhere, Login::not_needed, {}, &Dialogue::quit},
    {Verb::starttls, in(State::start, State::ready), Login::not_needed, "STARTTLS cannot stand inside a mail",
     &Dialogue::starttls},  // before EHLO too: GNU SASL does so, and the session begins anew anyway
    {Verb::auth, in(State::ready), Login::not_needed, "AUTH cannot stand inside a mail", &Dialogue::auth},
    {Verb::xcancel, in(State::ready), Login::needed, "XCANCEL cannot stand inside a mail", &Dialogue::xcancel},
    {Verb::http, anywhere, Login::not_needed, {}, &Dialogue::http},
    {Verb::unknown, anywhere, Login::not_needed, {}, &Dialogue::unknown},
}};

const Dialogue::Rule& Dialogue::rule_of(Verb verb)
{
    static_assert([] {
        for (std::size_t i = 0; i < verbs; ++i)
            if (rules[i].verb != static_cast<Verb>(i))
                return false;
        return true;
    }());
    return rules[static_cast<std::size_t>(verb)];
}

Step Dialogue::greet() const { return {{220, "", offer_.host_name + " ESMTP Posthouse"}}; }

Step Dialogue::on_line(std::string_view line, WallTime now)
{
    session_.now = now;
    if (session_.state == State::auth)
        return on_auth_response(line);
    const Parsed<Command> command = smtp::command(line);
    if (!command)
        return answer(command.error());
    if (command->verb != Verb::auth && line.size() + 2 > longest_command_line)
        return on_bad_line(LineFault::too_long);
    if (command->verb != Verb::unknown)
        session_.auth_was_refused = false;
    const Rule& rule = rule_of(command->verb);
    const std::optional<Reply> fault = check(rule);
    if (fault && command->verb == Verb::bdat)
        return refuse_chunk(*fault, command->argument);
    if (fault)
        return answer(*fault);
    return (this->*rule.proceed)(command->argument);
}

std::optional<Reply> Dialogue::check(const Rule& rule) const
{
    if (rule.login == Login::needed && offer_.login_required && facts_.login.empty() && session_.state != State::start)
        return Reply{530, "5.7.0", facts_.encrypted ? "log in first, with AUTH" : "log in first: STARTTLS, then AUTH"};
    if ((rule.states & bit(session_.state)) != 0)
        return std::nullopt;
    if (session_.state == State::start)
        return Reply{503, "5.5.1", "say EHLO or HELO first"};
    if (session_.state == State::chunks)
        return Reply{503, "5.5.1", "a message is coming in by BDAT; end it with LAST, or RSET"};
    if (session_.state == State::chunks_refused)
        return Reply{503, "5.5.1", "the message was refused; RSET begins anew"};
    return Reply{503, "5.5.1", std::string(rule.otherwise)};
}

Step Dialogue::on_bad_line(LineFault fault)
{
    const bool in_auth = session_.state == State::auth;
    if (in_auth)
        session_.state = State::ready;  // the exchange is over
    if (fault != LineFault::too_long)
        return answer(500, "5.5.2", "lines end with CRLF; with nc use -C");
    // RFC 4954 section 4
    return in_auth ? answer(500, "5.5.6", "the response is too long") : answer(500, "5.5.2", "the line is too long");
}

Step Dialogue::answer(Reply reply)
{
    if (reply.code == 421)
        return goodbye(std::move(reply));
    if (reply.is_permanent() && ++session_.errors >= most_errors)
        return goodbye({421, "4.7.0", "too many errors; come back with fewer"});
    return {std::move(reply)};
}

Step Dialogue::answer(int code, std::string_view enhanced, std::string text)
{
    return answer(Reply{code, std::string(enhanced), std::move(text)});
}

Step Dialogue::goodbye(Reply reply)
{
    session_.state = State::ended;
    reset();
    return {std::move(reply), Next::close};
}

Step Dialogue::on_shutdown()
{
    return goodbye({421, "4.3.2", offer_.host_name + " is shutting down; try again later"});
}

Step Dialogue::on_timeout() { return goodbye({421, "4.4.2", offer_.host_name + " has waited too long; goodbye"}); }

Step Dialogue::on_endless_line() { return goodbye({421, "4.7.0", "a line without an end; goodbye"}); }

Step Dialogue::on_endless_message() { return goodbye(too_large()); }

Step Dialogue::on_early_bytes() { return goodbye({421, "4.7.0", "bytes came behind STARTTLS, before the handshake"}); }

Reply Dialogue::too_large() const
{
    return {552, "5.3.4", fmt::format("the message is too large; {} bytes are the most", offer_.most_bytes)};
}

// --- greeting ---------------------------------------------------------------------------------

// RFC 5321 section 4.1.1.1, 4.1.4: a greeting also ends a transaction.
Step Dialogue::helo(std::string_view argument)
{
    const Parsed<std::string_view> name = hello_argument(Verb::helo, argument);
    if (!name)
        return answer(name.error());
    reset();
    session_.state = State::ready;
    facts_.greeted_as = *name;
    facts_.extended = false;
    return {{250, "", offer_.host_name}};
}

Step Dialogue::ehlo(std::string_view argument)
{
    const Parsed<std::string_view> name = hello_argument(Verb::ehlo, argument);
    if (!name)
        return answer(name.error());
    reset();
    session_.state = State::ready;
    facts_.greeted_as = *name;
    facts_.extended = true;
    std::string text =
        fmt::format("{}\nPIPELINING\nSIZE {}\n8BITMIME\nENHANCEDSTATUSCODES\n", offer_.host_name, offer_.most_bytes);
    if (can_start_tls_ && !facts_.encrypted)
        text += "STARTTLS\n";
    // RFC 4954 section 3; none once logged in
    const std::vector<std::string> mechanisms = facts_.login.empty() ? agent_.mechanisms() : std::vector<std::string>{};
    if (!mechanisms.empty())
        text += fmt::format("AUTH {}\n", fmt::join(mechanisms, " "));
    if (offer_.dsn)
        text += "DSN\n";
    if (offer_.longest_hold > Duration::zero())  // RFC 4865 section 3: max-interval, max-date-time
        text +=
            fmt::format("FUTURERELEASE {} {}\n", std::chrono::floor<std::chrono::seconds>(offer_.longest_hold).count(),
                        rfc3339_date(session_.now + offer_.longest_hold));
    if (offer_.deliver_by)
        text += "DELIVERBY\n";
    if (offer_.priority)
        text += "MT-PRIORITY\n";
    text += fmt::format("SMTPUTF8\nCHUNKING\nLIMITS RCPTMAX={}\nHELP", offer_.most_recipients);
    return {{250, "", std::move(text)}};
}

// --- the rest ---------------------------------------------------------------------------------

Step Dialogue::rset(std::string_view argument)
{
    const Parsed<void> nothing = no_argument(Verb::rset, argument);
    if (!nothing)
        return answer(nothing.error());
    reset();
    if (session_.state != State::start)
        session_.state = State::ready;
    return {{250, "2.0.0", "forgotten; begin anew"}};
}

Step Dialogue::noop(std::string_view) { return {{250, "2.0.0", "nothing done"}}; }

// RFC 5321 section 3.5.3: who is here is nobody's business (HOSTILE A22).
Step Dialogue::vrfy(std::string_view argument)
{
    if (argument.empty())
        return answer(501, "5.5.4", "write VRFY and an address");
    return {{252, "2.0.0", "addresses are not verified; RCPT tells whether mail is taken"}};
}

Step Dialogue::expn(std::string_view) { return answer(502, "5.5.1", "lists are not shown here"); }

Step Dialogue::help(std::string_view)
{
    return {{214, "2.0.0",
             "Posthouse knows these commands:\n"
             "HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS AUTH\n"
             "a mail: EHLO you, MAIL FROM:<you@example.org>, RCPT TO:<somebody@example.org>, DATA, text, a dot"}};
}

Step Dialogue::quit(std::string_view argument)
{
    const Parsed<void> nothing = no_argument(Verb::quit, argument);
    if (!nothing)
        return answer(nothing.error());
    return goodbye({221, "2.0.0", offer_.host_name + " says goodbye"});
}

Step Dialogue::xcancel(std::string_view argument)
{
    if (!offer_.cancel)
        return unknown(argument);
    const Parsed<Id> message = xcancel_argument(argument);
    if (!message)
        return answer(message.error());
    session_.to_cancel = *message;
    return {{}, Next::ask_cancel};
}

Step Dialogue::unknown(std::string_view)
{
    return answer(500, "5.5.1", "unknown command; HELP lists those that are known");
}

// A page in somebody's browser may be made to send mail commands in a form's body.
Step Dialogue::http(std::string_view) { return goodbye({421, "4.7.0", "this is SMTP, not HTTP"}); }

}  // namespace posthouse::smtp
