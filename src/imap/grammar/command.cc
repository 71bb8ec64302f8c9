#include "imap/grammar/command.h"

#include "imap/grammar/command_arguments.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

using ParseArguments = Parsed<Arguments> (*)(CommandCursor&);

struct Entry {
    Verb verb;
    std::string_view name;
    ParseArguments arguments;
    ParseArguments with_uid = nullptr;  // nullptr: there is no UID form
};

// In the order of Verb.
constexpr std::array verbs{
    Entry{Verb::append, "APPEND", append_arguments},
    Entry{Verb::authenticate, "AUTHENTICATE", authenticate_arguments},
    Entry{Verb::cancel_update, "CANCELUPDATE", cancel_update_arguments},
    Entry{Verb::capability, "CAPABILITY", no_arguments},
    Entry{Verb::check, "CHECK", no_arguments},
    Entry{Verb::close, "CLOSE", no_arguments},
    Entry{Verb::compress, "COMPRESS", compress_arguments},
    Entry{Verb::copy, "COPY", copy_arguments, copy_arguments},
    Entry{Verb::create, "CREATE", create_arguments},
    Entry{Verb::delete_acl, "DELETEACL", identifier_arguments},
    Entry{Verb::delete_mailbox, "DELETE", mailbox_arguments},
    Entry{Verb::enable, "ENABLE", enable_arguments},
    Entry{Verb::esearch, "ESEARCH", esearch_arguments},
    Entry{Verb::examine, "EXAMINE", select_arguments},
    Entry{Verb::expunge, "EXPUNGE", no_arguments, uid_expunge_arguments},
    Entry{Verb::fetch, "FETCH", fetch_arguments, fetch_arguments},
    Entry{Verb::get_acl, "GETACL", mailbox_arguments},
    Entry{Verb::get_metadata, "GETMETADATA", get_metadata_arguments},
    Entry{Verb::get_quota, "GETQUOTA", get_quota_arguments},
    Entry{Verb::get_quota_root, "GETQUOTAROOT", mailbox_arguments},
    Entry{Verb::id, "ID", id_arguments},
    Entry{Verb::idle, "IDLE", no_arguments},
    Entry{Verb::list, "LIST", list_arguments},
    Entry{Verb::list_rights, "LISTRIGHTS", identifier_arguments},
    Entry{Verb::login, "LOGIN", login_arguments},
    Entry{Verb::logout, "LOGOUT", no_arguments},
    Entry{Verb::lsub, "LSUB", lsub_arguments},
    Entry{Verb::move, "MOVE", copy_arguments, copy_arguments},
    Entry{Verb::my_rights, "MYRIGHTS", mailbox_arguments},
    Entry{Verb::name_space, "NAMESPACE", no_arguments},
    Entry{Verb::noop, "NOOP", no_arguments},
    Entry{Verb::notify, "NOTIFY", notify_arguments},
    Entry{Verb::rename, "RENAME", rename_arguments},
    Entry{Verb::replace, "REPLACE", replace_arguments, replace_arguments},
    Entry{Verb::search, "SEARCH", search_arguments, search_arguments},
    Entry{Verb::select, "SELECT", select_arguments},
    Entry{Verb::set_acl, "SETACL", set_acl_arguments},
    Entry{Verb::set_metadata, "SETMETADATA", set_metadata_arguments},
    Entry{Verb::set_quota, "SETQUOTA", set_quota_arguments},
    Entry{Verb::sort, "SORT", sort_arguments, sort_arguments},
    Entry{Verb::starttls, "STARTTLS", no_arguments},
    Entry{Verb::status, "STATUS", status_arguments},
    Entry{Verb::store, "STORE", store_arguments, store_arguments},
    Entry{Verb::subscribe, "SUBSCRIBE", mailbox_arguments},
    Entry{Verb::thread, "THREAD", thread_arguments, thread_arguments},
    Entry{Verb::uid_batches, "UIDBATCHES", uid_batches_arguments},
    Entry{Verb::unauthenticate, "UNAUTHENTICATE", no_arguments},
    Entry{Verb::unselect, "UNSELECT", no_arguments},
    Entry{Verb::unsubscribe, "UNSUBSCRIBE", mailbox_arguments},
};
static_assert(std::ranges::is_sorted(verbs, {}, &Entry::verb));

std::unexpected<SyntaxError> syntax_error(std::string tag, std::string reason)
{
    return std::unexpected(SyntaxError{SyntaxError::Kind::syntax, std::move(tag), std::move(reason)});
}

std::unexpected<SyntaxError> unknown_command(std::string tag, std::string_view word)
{
    return std::unexpected(
        SyntaxError{SyntaxError::Kind::unknown_command, std::move(tag),
                    word.empty() ? "a command is missing" : "unknown command " + printable(word, 40)});
}

// What stands at the front of every command, and which arguments it takes.
struct Head {
    Command command;
    ParseArguments arguments = nullptr;
};

// tag SP command-name, with "UID SP" before it where the command has such a form
std::expected<Head, SyntaxError> command_head(Cursor& in)
{
    Head head;
    const auto found_tag = tag(in);
    if (!found_tag || !in.take(' '))
        return syntax_error({}, "a command begins with a tag and one space");
    head.command.tag = *found_tag;
    head.command.by_uid = in.take("UID ");
    const std::string_view word = in.take_while(is_atom_char);
    const auto* entry = std::ranges::find_if(verbs, [&](const Entry& e) { return equals_ignoring_case(e.name, word); });
    if (entry == verbs.end())
        return unknown_command(head.command.tag, word);
    head.command.verb = entry->verb;
    head.arguments = head.command.by_uid ? entry->with_uid : entry->arguments;
    if (head.arguments == nullptr)
        return syntax_error(head.command.tag, "there is no UID " + std::string(entry->name));
    return head;
}

enum class Literal { none, follows };

// The stretch of an APPEND or REPLACE that has come so far.
std::expected<void, std::string> read_steps(Command& command, Literal literal)
{
    auto& append = std::get<AppendArguments>(command.arguments);
    auto steps = append.syntax.read(std::exchange(append.rest, {}), literal == Literal::follows);
    if (!steps)
        return std::unexpected(std::move(steps.error()));
    append.steps = std::move(*steps);
    return {};
}

std::expected<Command, SyntaxError> parse(std::string_view text, NameEncoding names, Literal literal)
{
    CommandCursor in(text, names);
    auto head = command_head(in);
    if (!head)
        return std::unexpected(std::move(head.error()));
    Command command = std::move(head->command);
    const auto prefix = [&] { return std::string(name_of(command.verb)) + ": "; };
    auto arguments = head->arguments(in);
    if (!arguments)
        return std::unexpected(SyntaxError{arguments.error().kind, command.tag, prefix() + arguments.error().reason});
    if (!in.at_end())
        return syntax_error(command.tag, prefix() + "there is more than its arguments");
    command.arguments = std::move(*arguments);
    if (std::holds_alternative<AppendArguments>(command.arguments)) {
        const auto read = read_steps(command, literal);
        if (!read)
            return syntax_error(command.tag, prefix() + read.error());
    }
    return command;
}

// Is the literal at the end of `in` the mailbox name? `in` stands behind the verb.
bool is_name_literal(Cursor in, Verb verb)
{
    if (verb == Verb::replace && (!in.take(' ') || !sequence_set(in)))
        return false;
    return in.rest().starts_with(" {") && in.rest().find("\r\n") == std::string_view::npos;
}

}  // namespace

bool is_verb(std::string_view word)
{
    return std::ranges::any_of(verbs, [&](const Entry& entry) { return equals_ignoring_case(entry.name, word); });
}

std::string_view name_of(Verb verb) { return verbs[static_cast<std::size_t>(verb)].name; }

std::expected<Command, SyntaxError> parse_command(std::string_view text, NameEncoding names)
{
    return parse(text, names, Literal::none);
}

LiteralPurpose purpose_of_literal(std::string_view text, NameEncoding names)
{
    Cursor in(text);
    auto head = command_head(in);
    if (!head)
        return {.kind = LiteralPurpose::Kind::wrong, .error = std::move(head.error())};
    const Verb verb = head->command.verb;
    if (verb != Verb::append && verb != Verb::replace)
        return {};
    std::string_view before = text.substr(0, text.rfind('{'));
    // These are parts of the command: the message's literal comes later.
    if (is_name_literal(in, verb) || announces_url(before))
        return {};
    if (before.ends_with('~'))
        before.remove_suffix(1);  // RFC 3516: literal8
    auto command = parse(before, names, Literal::follows);
    if (!command)
        return {.kind = LiteralPurpose::Kind::wrong, .error = std::move(command.error())};
    return {.kind = LiteralPurpose::Kind::message, .append = std::move(*command)};
}

}  // namespace posthouse::imap
