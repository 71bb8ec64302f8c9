#include "smtp/command_grammar.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

struct Name {
    std::string_view text;
    Verb verb;
};
constexpr std::array names{
    Name{"HELO", Verb::helo},       Name{"EHLO", Verb::ehlo},         Name{"MAIL", Verb::mail},
    Name{"RCPT", Verb::rcpt},       Name{"DATA", Verb::data},         Name{"BDAT", Verb::bdat},
    Name{"XCANCEL", Verb::xcancel}, Name{"RSET", Verb::rset},         Name{"NOOP", Verb::noop},
    Name{"VRFY", Verb::vrfy},       Name{"EXPN", Verb::expn},         Name{"HELP", Verb::help},
    Name{"QUIT", Verb::quit},       Name{"STARTTLS", Verb::starttls}, Name{"AUTH", Verb::auth},
    Name{"GET", Verb::http},        Name{"POST", Verb::http},         Name{"PUT", Verb::http},
    Name{"HEAD", Verb::http},       Name{"CONNECT", Verb::http},      Name{"OPTIONS", Verb::http},
};

Verb verb_of(std::string_view word)
{
    const auto found = std::ranges::find_if(names, [&](const Name& n) { return equals_ignoring_case(n.text, word); });
    return found == names.end() ? Verb::unknown : found->verb;
}

std::string_view without_spaces(std::string_view text)
{
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

std::unexpected<Reply> bad(std::string_view enhanced, std::string text)
{
    return std::unexpected(Reply{501, std::string(enhanced), std::move(text)});
}

constexpr std::string_view mail_form = "write MAIL FROM:<you@example.org>, or MAIL FROM:<> for a bounce";
constexpr std::string_view rcpt_form = "write RCPT TO:<somebody@example.org>";

}  // namespace

std::string_view to_string(Verb verb)
{
    const auto found = std::ranges::find(names, verb, &Name::verb);
    return found == names.end() ? "?" : found->text;
}

Parsed<Command> command(std::string_view line)
{
    if (std::ranges::any_of(line, is_control))
        return std::unexpected(Reply{500, "5.5.2", "a command cannot have control characters in it"});
    line = without_spaces(line);
    const std::size_t end = line.find(' ');
    const Verb verb = verb_of(line.substr(0, end));
    if (end == std::string_view::npos)
        return Command{verb, {}};
    return Command{verb, without_spaces(line.substr(end))};
}

Parsed<std::string_view> hello_argument(Verb verb, std::string_view argument)
{
    if (!is_greeting_name(argument))
        return bad(
            "5.5.4",
            fmt::format("write {} and your host's name, as in {} mail.example.org", to_string(verb), to_string(verb)));
    return argument;
}

// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
Parsed<Envelope> mail_argument(std::string_view argument, Extensions announced)
{
    Cursor in(argument);
    const bool has_from = in.take("FROM");
    in.take_while([](char c) { return c == ' '; });
    if (!has_from || !in.take(':'))
        return bad("5.5.4", std::string(mail_form));
    in.take_while([](char c) { return c == ' '; });
    if (in.at_end())
        return bad("5.5.4", std::string(mail_form));
    auto sender = reverse_path(in);
    if (!sender)
        return bad("5.1.7", fmt::format("{}; {}", sender.error(), mail_form));
    Envelope envelope;
    envelope.reverse_path = std::move(*sender);
    const Parsed<void> parameters = mail_parameters(in, announced, envelope);
    if (!parameters)
        return std::unexpected(parameters.error());
    return envelope;
}

// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
Parsed<Recipient> rcpt_argument(std::string_view argument, Extensions announced)
{
    Cursor in(argument);
    const bool has_to = in.take("TO");
    in.take_while([](char c) { return c == ' '; });
    if (!has_to || !in.take(':'))
        return bad("5.5.4", std::string(rcpt_form));
    in.take_while([](char c) { return c == ' '; });
    if (in.at_end())
        return bad("5.5.4", std::string(rcpt_form));
    auto path = forward_path(in);
    if (!path)
        return bad("5.1.3", fmt::format("{}; {}", path.error(), rcpt_form));
    Recipient recipient;
    recipient.path = std::move(*path);
    const Parsed<void> parameters = rcpt_parameters(in, announced, recipient);
    if (!parameters)
        return std::unexpected(parameters.error());
    return recipient;
}

Parsed<void> no_argument(Verb verb, std::string_view argument)
{
    if (!argument.empty())
        return bad("5.5.4", fmt::format("nothing stands behind {}", to_string(verb)));
    return {};
}

Parsed<Chunk> bdat_argument(std::string_view argument)
{
    Cursor in(argument);
    const auto size = parse_number<std::uint64_t>(in.take_while([](char c) { return c != ' '; }));
    const std::string_view marker = without_spaces(in.rest());
    if (!size || (!marker.empty() && !equals_ignoring_case(marker, "LAST")))
        return bad("5.5.4", "write BDAT and the chunk's bytes, as in BDAT 1000 or BDAT 1000 LAST");
    return Chunk{*size, !marker.empty()};
}

Parsed<Id> xcancel_argument(std::string_view argument)
{
    if (const std::optional<Id> message = parse_id(argument))
        return *message;
    return bad("5.5.4", "write XCANCEL and the message's id, the 13 letters and digits behind \"queued as\"");
}

Parsed<AuthStart> auth_argument(std::string_view argument)
{
    Cursor in(argument);
    AuthStart start;
    // RFC 4422 section 3.1: sasl-mech, 1 to 20 of A-Z 0-9 - _
    start.mechanism = to_upper(in.take_while([](char c) { return is_alnum(c) || c == '-' || c == '_'; }));
    if (start.mechanism.empty() || start.mechanism.size() > 20 || (!in.at_end() && in.peek() != ' '))
        return bad("5.5.4", "write AUTH and a mechanism, as in AUTH PLAIN");
    const std::string_view response = without_spaces(in.rest());
    if (response.empty())
        return start;
    start.initial_response = response == "=" ? std::string() : base64_decode(response);
    if (!start.initial_response)
        return bad("5.5.2", "the response is not base64");
    return start;
}

}  // namespace posthouse::smtp
