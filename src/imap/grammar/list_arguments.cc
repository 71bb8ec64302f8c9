// LIST, LSUB and STATUS: RFC 3501 sections 6.3.8 to 6.3.10, RFC 5258, 5819, 6154, 8440, 9590.
#include "imap/grammar/command_arguments.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

// Each pattern costs a walk over all names.
constexpr std::size_t most_patterns = 100;

struct StatusWord {
    std::string_view word;
    StatusItem item;
};
constexpr std::array status_words{
    StatusWord{"MESSAGES", StatusItem::messages},
    StatusWord{"RECENT", StatusItem::recent},
    StatusWord{"UIDNEXT", StatusItem::uid_next},
    StatusWord{"UIDVALIDITY", StatusItem::uid_validity},
    StatusWord{"UNSEEN", StatusItem::unseen},
    StatusWord{"DELETED", StatusItem::deleted},
    StatusWord{"SIZE", StatusItem::size},
    StatusWord{"HIGHESTMODSEQ", StatusItem::highest_modseq},
    StatusWord{"MAILBOXID", StatusItem::mailbox_id},
    StatusWord{"APPENDLIMIT", StatusItem::append_limit},
    StatusWord{"DELETED-STORAGE", StatusItem::deleted_storage},
};

std::optional<StatusItem> status_item(Cursor& in)
{
    for (const StatusWord& candidate : status_words)
        if (take_word(in, candidate.word))
            return candidate.item;
    return std::nullopt;
}

// RFC 9051 section 6.3.9: a pattern that cannot fit a name is no mistake, it finds nothing.
Parsed<std::string> pattern(CommandCursor& in)
{
    auto wire = list_mailbox(in);
    if (!wire)
        return misfit("a pattern is missing");
    auto decoded = decoded_name(*wire, in.names());
    return decoded ? std::move(*decoded) : std::move(*wire);
}

// RFC 5258 section 6: "(" [list-select-opt *(SP list-select-opt)] ")"
bool select_options(Cursor& in, ListArguments& list)
{
    while (!in.take(')')) {
        if (take_word(in, "SUBSCRIBED"))
            list.select_subscribed = true;
        else if (take_word(in, "SPECIAL-USE"))
            list.select_special_use = true;
        else if (take_word(in, "RECURSIVEMATCH"))
            list.recursive_match = true;
        else if (!take_word(in, "REMOTE"))
            return false;
        if (!in.take(' ') && in.peek() != ')')
            return false;
    }
    // RFC 5258 section 3.1: RECURSIVEMATCH needs an option that selects by a mailbox's own property.
    return !list.recursive_match || list.select_subscribed || list.select_special_use;
}

// RFC 5258 section 6: "RETURN" SP "(" [return-option *(SP return-option)] ")"
bool return_options(Cursor& in, ListArguments& list)
{
    while (!in.take(')')) {
        if (take_word(in, "SUBSCRIBED")) {
            list.return_subscribed = true;
        } else if (take_word(in, "CHILDREN")) {
            list.return_children = true;
        } else if (take_word(in, "SPECIAL-USE")) {
            list.return_special_use = true;
        } else if (take_word(in, "MYRIGHTS")) {  // RFC 8440
            list.return_my_rights = true;
        } else if (take_word(in, "METADATA")) {  // RFC 9590
            auto entries = in.take(' ') ? metadata_entries(in) : std::nullopt;
            if (!entries)
                return false;
            list.return_metadata = std::move(*entries);
        } else if (take_word(in, "STATUS")) {  // RFC 5819
            auto items = in.take(' ') ? status_items(in) : misfit("");
            if (!items)
                return false;
            list.return_status = std::move(*items);
        } else {
            return false;
        }
        if (!in.take(' ') && in.peek() != ')')
            return false;
    }
    return true;
}

// mbox-or-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")"
Parsed<std::vector<std::string>> patterns(CommandCursor& in, bool& is_extended)
{
    std::vector<std::string> all;
    const bool several = in.take('(');
    is_extended |= several;
    do {
        auto one = pattern(in);
        if (!one)
            return std::unexpected(one.error());
        if (all.size() == most_patterns)
            return misfit("too many patterns");
        all.push_back(std::move(*one));
    } while (several && in.take(' '));
    if (several && !in.take(')'))
        return misfit("the patterns are not closed");
    return all;
}

Parsed<std::string> reference(CommandCursor& in)
{
    auto wire = in.take(' ') ? astring(in) : std::nullopt;
    if (!wire)
        return misfit("a reference name is missing");
    auto decoded = decoded_name(*wire, in.names());
    return decoded ? std::move(*decoded) : std::move(*wire);
}

}  // namespace

Parsed<std::vector<StatusItem>> status_items(Cursor& in)
{
    std::vector<StatusItem> items;
    if (!in.take('('))
        return misfit("a list of items is missing");
    do {
        const auto item = status_item(in);
        if (!item)
            return misfit("unknown item");
        if (std::ranges::find(items, *item) == items.end())
            items.push_back(*item);
    } while (in.take(' '));
    if (!in.take(')'))
        return misfit("the items are not closed");
    return items;
}

// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
Parsed<Arguments> status_arguments(CommandCursor& in)
{
    if (!in.take(' '))
        return misfit("a mailbox name is missing");
    auto name = mailbox_name(in);
    if (!name)
        return std::unexpected(name.error());
    auto items = in.take(' ') ? status_items(in) : misfit("a list of items is missing");
    if (!items)
        return std::unexpected(items.error());
    return StatusArguments{std::move(*name), std::move(*items)};
}

Parsed<Arguments> list_arguments(CommandCursor& in)
{
    ListArguments list;
    if (in.rest().starts_with(" (")) {
        in.take(" (");
        list.is_extended = true;
        if (!select_options(in, list))
            return misfit("unknown selection option");
    }
    auto from = reference(in);
    if (!from)
        return std::unexpected(from.error());
    list.reference = std::move(*from);
    auto which = in.take(' ') ? patterns(in, list.is_extended) : misfit("a pattern is missing");
    if (!which)
        return std::unexpected(which.error());
    list.patterns = std::move(*which);
    if (in.take(" RETURN (")) {
        list.is_extended = true;
        if (!return_options(in, list))
            return misfit("unknown return option");
    }
    return list;
}

Parsed<Arguments> lsub_arguments(CommandCursor& in)
{
    ListArguments list;
    auto from = reference(in);
    if (!from)
        return std::unexpected(from.error());
    list.reference = std::move(*from);
    auto one = in.take(' ') ? pattern(in) : misfit("a pattern is missing");
    if (!one)
        return std::unexpected(one.error());
    list.patterns.push_back(std::move(*one));
    return list;
}

}  // namespace posthouse::imap
