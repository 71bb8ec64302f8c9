#include "imap/grammar/command_arguments.h"

#include "imap/grammar/date.h"
#include "imap/grammar/lexemes.h"
#include "imap/grammar/utf7.h"

#include <array>

namespace posthouse::imap {

namespace {

constexpr std::string_view bad_name_reason = "the mailbox name is not in modified UTF-7 (RFC 3501 section 5.1.3)";

// More than a client has use for; the frame's length bounds the rest.
constexpr std::size_t most_id_fields = 30;  // RFC 2971 section 3.3

Parsed<std::string> name_from_wire(std::optional<std::string> wire)
{
    if (!wire)
        return misfit("a mailbox name is missing");
    auto name = from_utf7(*wire);
    if (!name)
        return std::unexpected(ArgumentFault{SyntaxError::Kind::bad_name, std::string(bad_name_reason)});
    return std::move(*name);
}

}  // namespace

Parsed<std::string> mailbox_name(Cursor& in) { return name_from_wire(astring(in)); }

std::optional<std::vector<std::string>> flag_list(Cursor& in)
{
    std::vector<std::string> flags;
    if (!in.take('('))
        return std::nullopt;
    if (in.take(')'))
        return flags;
    do {
        std::optional<std::string> one = flag(in);
        if (!one)
            return std::nullopt;
        flags.push_back(std::move(*one));
    } while (in.take(' '));
    if (!in.take(')'))
        return std::nullopt;
    return flags;
}

Parsed<Arguments> no_arguments(Cursor& in)
{
    if (!in.at_end())
        return misfit("it takes no arguments");
    return NoArguments{};
}

// append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal
Parsed<Arguments> append_arguments(Cursor& in)
{
    AppendArguments append;
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    append.mailbox = std::move(*name);
    if (!in.take(' '))
        return misfit("the message's literal is missing");
    if (in.peek() == '(') {
        auto flags = flag_list(in);
        if (!flags || !in.take(' '))
            return misfit("not a list of flags");
        append.flags = std::move(*flags);
    }
    if (in.peek() == '"') {
        append.date = date_time(in);
        if (!append.date || !in.take(' '))
            return misfit("not a date and time like \"17-Jul-1996 02:44:25 -0700\"");
    }
    return append;
}

// authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]; RFC 4959
Parsed<Arguments> authenticate_arguments(Cursor& in)
{
    AuthenticateArguments authenticate;
    const auto mechanism = in.take(' ') ? atom(in) : std::nullopt;
    if (!mechanism)
        return misfit("a mechanism is missing");
    authenticate.mechanism = to_upper(*mechanism);
    if (in.take(' ')) {
        const auto is_base64 = [](char c) { return is_alnum(c) || c == '+' || c == '/' || c == '='; };
        authenticate.initial_response = std::string(in.take_while(is_base64));
        if (authenticate.initial_response->empty())
            return misfit("the initial response is empty; `=` stands for an empty one");
    }
    return authenticate;
}

// login = "LOGIN" SP userid SP password
Parsed<Arguments> login_arguments(Cursor& in)
{
    auto user = in.take(' ') ? astring(in) : std::nullopt;
    if (!user)
        return misfit("a user name is missing");
    auto password = in.take(' ') ? astring(in) : std::nullopt;
    if (!password)
        return misfit("a password is missing");
    return LoginArguments{std::move(*user), std::move(*password)};
}

// select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]; RFC 4466
Parsed<Arguments> select_arguments(Cursor& in)
{
    SelectArguments select;
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    select.mailbox = std::move(*name);
    if (in.take(" (")) {
        do {
            if (!take_word(in, "CONDSTORE"))
                return misfit("unknown parameter");
            select.condstore = true;
        } while (in.take(' '));
        if (!in.take(')'))
            return misfit("the parameters are not closed");
    }
    return select;
}

// create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]; RFC 6154
Parsed<Arguments> create_arguments(Cursor& in)
{
    CreateArguments create;
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    create.mailbox = std::move(*name);
    if (in.take(" (")) {
        if (!take_word(in, "USE") || !in.take(' '))
            return misfit("unknown parameter");
        auto uses = flag_list(in);
        if (!uses || !in.take(')'))
            return misfit("not a list of special uses");
        if (uses->size() > 1)
            return misfit("a mailbox has at most one special use here");
        if (!uses->empty())
            create.special_use = std::move(uses->front());
    }
    return create;
}

Parsed<Arguments> mailbox_arguments(Cursor& in)
{
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    return MailboxArguments{std::move(*name)};
}

// rename = "RENAME" SP mailbox SP mailbox
Parsed<Arguments> rename_arguments(Cursor& in)
{
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto from = mailbox_name(in);
    if (!from)
        return std::unexpected(from.error());
    if (!in.take(' '))
        return misfit("the new name is missing");
    auto to = mailbox_name(in);
    if (!to)
        return std::unexpected(to.error());
    return RenameArguments{std::move(*from), std::move(*to)};
}

// copy = "COPY" SP sequence-set SP mailbox
Parsed<Arguments> copy_arguments(Cursor& in)
{
    auto set = in.take(' ') ? sequence_set(in) : std::nullopt;
    if (!set || !in.take(' '))
        return misfit("not a set of message numbers");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    return CopyArguments{std::move(*set), std::move(*name)};
}

Parsed<Arguments> uid_expunge_arguments(Cursor& in)
{
    auto set = in.take(' ') ? sequence_set(in) : std::nullopt;
    if (!set)
        return misfit("not a set of UIDs");
    return ExpungeArguments{std::move(set)};
}

// fetch = "FETCH" SP sequence-set SP … [SP "(" "CHANGEDSINCE" SP mod-sequence-value ")"]; RFC 7162
Parsed<Arguments> fetch_arguments(Cursor& in)
{
    FetchArguments fetch;
    auto set = in.take(' ') ? sequence_set(in) : std::nullopt;
    if (!set || !in.take(' '))
        return misfit("not a set of message numbers");
    fetch.set = std::move(*set);
    auto attributes = fetch_attributes(in);
    if (!attributes)
        return misfit("not what can be fetched");
    fetch.attributes = std::move(*attributes);
    if (in.take(" (")) {
        fetch.changed_since = take_word(in, "CHANGEDSINCE") && in.take(' ') ? number64(in) : std::nullopt;
        if (!fetch.changed_since || !in.take(')'))
            return misfit("unknown modifier");
    }
    return fetch;
}

// store = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP … ")"] SP store-att-flags; RFC 7162
Parsed<Arguments> store_arguments(Cursor& in)
{
    StoreArguments store;
    auto set = in.take(' ') ? sequence_set(in) : std::nullopt;
    if (!set || !in.take(' '))
        return misfit("not a set of message numbers");
    store.set = std::move(*set);
    if (in.take('(')) {
        store.unchanged_since = take_word(in, "UNCHANGEDSINCE") && in.take(' ') ? number64(in) : std::nullopt;
        if (!store.unchanged_since || !in.take(") "))
            return misfit("unknown modifier");
    }
    if (in.take('+'))
        store.change = StoreArguments::Change::add;
    else if (in.take('-'))
        store.change = StoreArguments::Change::remove;
    store.silent = take_word(in, "FLAGS.SILENT");
    if ((!store.silent && !take_word(in, "FLAGS")) || !in.take(' '))
        return misfit("FLAGS, +FLAGS or -FLAGS is missing");
    // store-att-flags: a list, or flags without parentheses.
    if (in.peek() == '(') {
        auto flags = flag_list(in);
        if (!flags)
            return misfit("not a list of flags");
        store.flags = std::move(*flags);
        return store;
    }
    do {
        auto one = flag(in);
        if (!one)
            return misfit("not a flag");
        store.flags.push_back(std::move(*one));
    } while (in.take(' '));
    return store;
}

// RFC 4731: "SEARCH" [SP "RETURN" SP "(" … ")"] SP search-program
Parsed<Arguments> search_arguments(Cursor& in)
{
    SearchArguments search;
    if (!in.take(' '))
        return misfit("search keys are missing");
    if (in.take("RETURN (")) {
        search.is_extended = true;
        while (!in.take(')')) {
            if (take_word(in, "MIN"))
                search.return_min = true;
            else if (take_word(in, "MAX"))
                search.return_max = true;
            else if (take_word(in, "ALL"))
                search.return_all = true;
            else if (take_word(in, "COUNT"))
                search.return_count = true;
            else
                return misfit("unknown return option");
            in.take(' ');
        }
        if (!in.take(' '))
            return misfit("search keys are missing");
        // RFC 4731 section 3.1: RETURN () asks for ALL.
        search.return_all |= !search.return_min && !search.return_max && !search.return_count;
    }
    auto program = search_program(in);
    if (!program)
        return misfit(std::move(program.error()));
    search.program = std::move(*program);
    return search;
}

// RFC 2971: id = "ID" SP ("NIL" / "(" [string SP nstring *(SP string SP nstring)] ")")
Parsed<Arguments> id_arguments(Cursor& in)
{
    IdArguments id;
    if (!in.take(' '))
        return misfit("NIL or a list is missing");
    if (take_word(in, "NIL"))
        return id;
    if (!in.take('('))
        return misfit("NIL or a list is missing");
    while (!in.take(')')) {
        auto field = string(in);
        auto value = field && in.take(' ') ? nstring(in) : std::nullopt;
        if (!value || id.fields.size() == most_id_fields)
            return misfit("not a list of at most 30 names and values");
        if (*value)
            id.fields.emplace_back(std::move(*field), std::move(**value));
        if (!in.take(' ') && in.peek() != ')')
            return misfit("the list is not closed");
    }
    return id;
}

// RFC 5161: enable = "ENABLE" 1*(SP capability)
Parsed<Arguments> enable_arguments(Cursor& in)
{
    EnableArguments enable;
    while (in.take(' ')) {
        const auto capability = atom(in);
        if (!capability)
            return misfit("not a capability");
        enable.capabilities.push_back(to_upper(*capability));
    }
    if (enable.capabilities.empty())
        return misfit("a capability is missing");
    return enable;
}

}  // namespace posthouse::imap
