#include "imap/grammar/command_arguments.h"

#include "imap/grammar/date.h"
#include "imap/grammar/lexemes.h"
#include "imap/grammar/utf7.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

constexpr std::string_view bad_name_reason = "the mailbox name is not in modified UTF-7 (RFC 3501 section 5.1.3)";
constexpr std::string_view bad_utf8_reason = "the mailbox name is not in UTF-8, or has controls in it";

// More than a client has use for; the frame's length bounds the rest.
constexpr std::size_t most_id_fields = 30;  // RFC 2971 section 3.3

std::unexpected<ArgumentFault> bad_name(std::string_view reason)
{
    return std::unexpected(ArgumentFault{SyntaxError::Kind::bad_name, std::string(reason)});
}

}  // namespace

Parsed<std::string> decoded_name(std::string_view wire, NameEncoding names)
{
    if (names == NameEncoding::utf8) {
        if (!is_valid_utf8(wire) || std::ranges::any_of(wire, is_control))
            return bad_name(bad_utf8_reason);
        return std::string(wire);
    }
    auto name = from_utf7(wire);
    if (!name)
        return bad_name(bad_name_reason);
    return std::move(*name);
}

Parsed<std::string> mailbox_name(CommandCursor& in)
{
    const auto wire = astring(in);
    if (!wire)
        return misfit("a mailbox name is missing");
    return decoded_name(*wire, in.names());
}

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

Parsed<Arguments> no_arguments(CommandCursor& in)
{
    if (!in.at_end())
        return misfit("it takes no arguments");
    return NoArguments{};
}

// append = "APPEND" SP mailbox 1*append-message; what is behind the mailbox is AppendSyntax's.
Parsed<Arguments> append_arguments(CommandCursor& in)
{
    AppendArguments append;
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    append.mailbox = std::move(*name);
    append.rest = in.take_bytes(in.rest().size());
    return append;
}

// RFC 8508: replace = "REPLACE" SP seq-number SP mailbox append-message
Parsed<Arguments> replace_arguments(CommandCursor& in)
{
    auto set = in.take(' ') ? sequence_set(in) : std::nullopt;
    if (!set || set->items.size() != 1 || set->items[0].first != set->items[0].last)
        return misfit("the number of one message is missing");
    auto append = append_arguments(in);
    if (append)
        std::get<AppendArguments>(*append).replaced = std::move(set);
    return append;
}

// authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]; RFC 4959
Parsed<Arguments> authenticate_arguments(CommandCursor& in)
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
Parsed<Arguments> login_arguments(CommandCursor& in)
{
    auto user = in.take(' ') ? astring(in) : std::nullopt;
    if (!user)
        return misfit("a user name is missing");
    auto password = in.take(' ') ? astring(in) : std::nullopt;
    if (!password)
        return misfit("a password is missing");
    return LoginArguments{std::move(*user), std::move(*password)};
}

namespace {

// RFC 7162 section 7: "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
std::optional<Resynchronisation> resynchronisation(Cursor& in)
{
    Resynchronisation known;
    const auto validity = in.take(" (") ? nz_number(in) : std::nullopt;
    const auto modseq = validity && in.take(' ') ? number64(in) : std::nullopt;
    if (!modseq)
        return std::nullopt;
    known.uid_validity = *validity;
    known.modseq = *modseq;
    if (in.peek() == ' ' && !in.rest().starts_with(" (")) {
        in.take(' ');
        known.known_uids = sequence_set(in);
        if (!known.known_uids)
            return std::nullopt;
    }
    if (in.take(" (")) {
        known.has_sequence_match = true;
        if (!sequence_set(in) || !in.take(' ') || !sequence_set(in) || !in.take(')'))
            return std::nullopt;
    }
    if (!in.take(')'))
        return std::nullopt;
    return known;
}

}  // namespace

// select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]; RFC 4466
Parsed<Arguments> select_arguments(CommandCursor& in)
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
            if (take_word(in, "CONDSTORE")) {
                select.condstore = true;
            } else if (take_word(in, "QRESYNC")) {
                select.resynchronise = resynchronisation(in);
                if (!select.resynchronise)
                    return misfit("what stands behind QRESYNC does not fit it");
            } else {
                return misfit("unknown parameter");
            }
        } while (in.take(' '));
        if (!in.take(')'))
            return misfit("the parameters are not closed");
    }
    return select;
}

// create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]; RFC 6154
Parsed<Arguments> create_arguments(CommandCursor& in)
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

Parsed<Arguments> mailbox_arguments(CommandCursor& in)
{
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    return MailboxArguments{std::move(*name)};
}

// rename = "RENAME" SP mailbox SP mailbox
Parsed<Arguments> rename_arguments(CommandCursor& in)
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
Parsed<Arguments> copy_arguments(CommandCursor& in)
{
    auto set = in.take(' ') ? sequence_set(in) : std::nullopt;
    if (!set || !in.take(' '))
        return misfit("not a set of message numbers");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    return CopyArguments{std::move(*set), std::move(*name)};
}

Parsed<Arguments> uid_expunge_arguments(CommandCursor& in)
{
    auto set = in.take(' ') ? sequence_set(in) : std::nullopt;
    if (!set)
        return misfit("not a set of UIDs");
    return ExpungeArguments{std::move(set)};
}

namespace {

// fetch-modifier: "CHANGEDSINCE" SP mod-sequence-value, "VANISHED" (RFC 7162), "PARTIAL" SP partial-range (RFC 9394)
bool fetch_modifier(Cursor& in, FetchArguments& fetch)
{
    if (take_word(in, "CHANGEDSINCE")) {
        fetch.changed_since = in.take(' ') ? number64(in) : std::nullopt;
        return fetch.changed_since.has_value();
    }
    if (take_word(in, "VANISHED")) {
        fetch.vanished = true;
        return true;
    }
    if (!take_word(in, "PARTIAL") || !in.take(' '))
        return false;
    fetch.partial = partial_range(in);
    return fetch.partial.has_value();
}

}  // namespace

// fetch = "FETCH" SP sequence-set SP … [SP "(" fetch-modifier *(SP fetch-modifier) ")"]; RFC 4466
Parsed<Arguments> fetch_arguments(CommandCursor& in)
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
        do {
            if (!fetch_modifier(in, fetch))
                return misfit("unknown modifier");
        } while (in.take(' '));
        if (!in.take(')'))
            return misfit("the modifiers are not closed");
    }
    return fetch;
}

// store = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP … ")"] SP store-att-flags; RFC 7162
Parsed<Arguments> store_arguments(CommandCursor& in)
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

// RFC 2971: id = "ID" SP ("NIL" / "(" [string SP nstring *(SP string SP nstring)] ")")
Parsed<Arguments> id_arguments(CommandCursor& in)
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
Parsed<Arguments> enable_arguments(CommandCursor& in)
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
