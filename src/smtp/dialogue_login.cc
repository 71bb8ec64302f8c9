// The dialogue's STARTTLS (RFC 3207) and AUTH (RFC 4954), and what of them may be recorded.
#include "smtp/dialogue.h"

#include <fmt/format.h>

namespace posthouse::smtp {

Step Dialogue::starttls(std::string_view argument)
{
    const Parsed<void> nothing = no_argument(Verb::starttls, argument);
    if (!nothing)
        return answer(nothing.error());
    if (facts_.encrypted)
        return answer(503, "5.5.1", "TLS is on already");
    if (!can_start_tls_)
        return answer(502, "5.5.1", "TLS is not offered here");
    return {{220, "2.0.0", "begin TLS"}, Next::start_tls};
}

// RFC 3207 section 4.2: everything said before is forgotten, but for the errors.
void Dialogue::on_tls()
{
    const unsigned errors = session_.errors;
    session_ = {};
    session_.errors = errors;
    reset();
    facts_.greeted_as.clear();
    facts_.extended = false;
    facts_.login.clear();
    facts_.account = 0;
    facts_.sasl_mechanism.clear();
}

Step Dialogue::auth(std::string_view argument)
{
    session_.auth_was_refused = true;
    if (!agent_.knows_auth())
        return answer(502, "5.5.1", "nobody logs in here; submission has a port of its own, 587 or 465");
    if (!facts_.login.empty())
        return answer(503, "5.5.1", "you have logged in already");
    Parsed<AuthStart> start = auth_argument(argument);
    if (!start)
        return answer(start.error());
    facts_.sasl_mechanism = start->mechanism;
    session_.auth_start = std::move(*start);
    return {{}, Next::authenticate};
}

// RFC 4954 section 4: base64, or "*" to give up.
Step Dialogue::on_auth_response(std::string_view line)
{
    session_.state = State::ready;
    session_.auth_was_refused = true;
    if (line == "*")
        return answer(501, "5.7.0", "the login was given up");
    std::optional<std::string> response = base64_decode(line);
    if (!response)
        return answer(501, "5.5.2", "the response is not base64");
    session_.auth_response = std::move(*response);
    return {{}, Next::respond};
}

Step Dialogue::on_auth(AuthStep outcome)
{
    if (const auto* challenge = std::get_if<AuthChallenge>(&outcome)) {
        session_.state = State::auth;
        return {{334, "", base64_encode(challenge->bytes)}};
    }
    auto& done = std::get<AuthDone>(outcome);
    session_.state = State::ready;
    if (done.reply.is_success()) {
        session_.auth_was_refused = false;
        facts_.account = done.account;
        facts_.login = std::move(done.login);
    } else {
        session_.auth_was_refused = true;
        facts_.sasl_mechanism.clear();
    }
    return answer(std::move(done.reply));
}

std::size_t Dialogue::longest_line() const
{
    return session_.state == State::auth || agent_.knows_auth() ? longest_auth_line : longest_command_line;
}

std::string Dialogue::recordable(std::string_view line) const
{
    if (session_.state == State::auth)
        return line == "*" ? "*" : "[SASL response]";
    const std::string_view text = trim(line);
    if (starts_with_ignoring_case(text, "AUTH")) {
        const std::vector<std::string_view> words = split(text, ' ');
        static constexpr std::array<std::string_view, 8> known{
            "PLAIN",       "LOGIN",    "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-1", "CRAM-MD5", "XOAUTH2",       "OAUTHBEARER"};
        const bool is_known = words.size() > 1 && words[0].size() == 4 &&
            std::ranges::any_of(known, [&](std::string_view name) { return equals_ignoring_case(name, words[1]); });
        return fmt::format("AUTH{}{}",
                           is_known               ? " " + to_upper(words[1])
                               : words.size() > 1 ? " [left out]"
                                                  : "",
                           is_known && words.size() > 2 ? " [SASL response]" : "");
    }
    if (session_.auth_was_refused) {
        const Parsed<Command> command = smtp::command(line);
        if (!command || command->verb == Verb::unknown)
            return "[a line behind a refused AUTH]";
    }
    return std::string(line.substr(0, longest_command_line));
}

}  // namespace posthouse::smtp
