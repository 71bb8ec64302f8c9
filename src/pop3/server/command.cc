#include "pop3/server/command.h"

#include "base/cursor.h"

#include <algorithm>
#include <array>

namespace posthouse::pop3 {

namespace {

enum class Arguments : std::uint8_t {
    none,
    text,  // the rest of the line, blanks and all: RFC 1939 section 7, PASS
    mechanism,
    message,
    maybe_message,
    message_and_lines,
};

struct Form {
    Verb verb;
    std::string_view word;
    Arguments arguments;
    std::string_view help;
};

constexpr std::array<Form, verbs> forms{{
    {Verb::user, "USER", Arguments::text, "say USER name"},
    {Verb::pass, "PASS", Arguments::text, "say PASS password"},
    {Verb::auth, "AUTH", Arguments::mechanism, "say AUTH mechanism, or AUTH mechanism response"},
    {Verb::stls, "STLS", Arguments::none, "say STLS alone"},
    {Verb::capa, "CAPA", Arguments::none, "say CAPA alone"},
    {Verb::utf8, "UTF8", Arguments::none, "say UTF8 alone"},
    {Verb::quit, "QUIT", Arguments::none, "say QUIT alone"},
    {Verb::stat, "STAT", Arguments::none, "say STAT alone"},
    {Verb::list, "LIST", Arguments::maybe_message, "say LIST, or LIST message"},
    {Verb::retr, "RETR", Arguments::message, "say RETR message"},
    {Verb::dele, "DELE", Arguments::message, "say DELE message"},
    {Verb::noop, "NOOP", Arguments::none, "say NOOP alone"},
    {Verb::rset, "RSET", Arguments::none, "say RSET alone"},
    {Verb::top, "TOP", Arguments::message_and_lines, "say TOP message lines"},
    {Verb::uidl, "UIDL", Arguments::maybe_message, "say UIDL, or UIDL message"},
}};

std::string_view take_word(Cursor& cursor)
{
    return cursor.take_while([](char c) { return c != ' '; });
}

// SP number; no sign, nothing that does not fit (HOSTILE A26).
template <class Number> std::optional<Number> take_number(Cursor& cursor)
{
    if (!cursor.take(' '))
        return std::nullopt;
    return parse_number<Number>(cursor.take_while(is_digit));
}

// RFC 5034 section 4: "AUTH" mechanism [initial-response]. Alone it asks for the mechanisms, as some
// clients did before CAPA.
bool take_mechanism(Cursor& cursor, Command& command)
{
    if (cursor.at_end())
        return true;
    cursor.take(' ');
    command.text = take_word(cursor);
    if (command.text.empty())
        return false;
    if (cursor.take(' '))
        command.initial_response = take_word(cursor);
    return !command.initial_response || !command.initial_response->empty();
}

bool take_arguments(Arguments arguments, Cursor& cursor, Command& command)
{
    switch (arguments) {
    case Arguments::none: return true;
    case Arguments::text:
        if (!cursor.take(' '))
            return false;
        command.text = cursor.take_bytes(cursor.rest().size());
        return !command.text.empty() && !command.text.contains('\0');
    case Arguments::mechanism: return take_mechanism(cursor, command);
    case Arguments::maybe_message:
        if (cursor.at_end())
            return true;
        [[fallthrough]];
    case Arguments::message: command.message = take_number<std::uint32_t>(cursor); return command.message.has_value();
    case Arguments::message_and_lines: {
        command.message = take_number<std::uint32_t>(cursor);
        const auto lines = take_number<std::uint64_t>(cursor);
        command.lines = lines.value_or(0);
        return command.message && lines;
    }
    }
    return false;
}

}  // namespace

std::expected<Command, BadCommand> parse_command(std::string_view line)
{
    const std::string_view word = line.substr(0, line.find(' '));
    for (const Form& form : forms) {
        if (!equals_ignoring_case(word, form.word))
            continue;
        std::string_view arguments = line.substr(word.size());
        // People and old clients leave blanks behind; in a password they count.
        while (form.arguments != Arguments::text && arguments.ends_with(' '))
            arguments.remove_suffix(1);
        Cursor cursor(arguments);
        Command command{.verb = form.verb};
        if (take_arguments(form.arguments, cursor, command) && cursor.at_end())
            return command;
        return std::unexpected(BadCommand{std::string(form.help)});
    }
    return std::unexpected(BadCommand{"unknown command; CAPA tells what there is"});
}

std::string recordable(std::string_view line)
{
    Cursor cursor(line);
    if (cursor.take("PASS "))
        return "PASS [password]";
    if (cursor.take("AUTH ")) {
        const std::string_view mechanism = take_word(cursor);
        return "AUTH " + std::string(mechanism) + (cursor.at_end() ? "" : " [response]");
    }
    // What is no command may be a password that went astray.
    const std::string_view word = line.substr(0, line.find(' '));
    const bool is_known =
        std::ranges::any_of(forms, [&](const Form& form) { return equals_ignoring_case(word, form.word); });
    return is_known ? std::string(line) : "[unreadable line]";
}

}  // namespace posthouse::pop3
