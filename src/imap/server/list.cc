// LIST and LSUB: RFC 3501 sections 6.3.8 and 6.3.9, RFC 3348 (children), 6154 (special use), 5258
// (extended LIST), 5819 (STATUS in LIST), 8440 (MYRIGHTS in LIST), 9590 (METADATA in LIST).
#include "imap/grammar/list_pattern.h"
#include "imap/server/commands.h"
#include "imap/server/metadata.h"
#include "imap/server/shared_names.h"
#include "imap/server/status.h"

#include <algorithm>
#include <unordered_set>

namespace posthouse::imap {

namespace {

using mailbox::Mailbox;
using mailbox::MailboxTree;
using mailbox::SpecialUse;

using Names = std::unordered_set<std::string_view>;

std::string_view attribute_of(SpecialUse use)
{
    switch (use) {
    case SpecialUse::drafts: return "\\Drafts";
    case SpecialUse::sent: return "\\Sent";
    case SpecialUse::junk: return "\\Junk";
    case SpecialUse::trash: return "\\Trash";
    case SpecialUse::archive: return "\\Archive";
    case SpecialUse::none: break;
    }
    return {};
}

// Every name above one of `names`.
void add_parents(std::string_view name, Names& parents)
{
    for (std::size_t at = name.rfind(hierarchy_separator); at != std::string_view::npos && at > 0;
         at = name.rfind(hierarchy_separator, at - 1))
        if (!parents.insert(name.substr(0, at)).second)
            return;  // and all above it are in already
}

// What lies below it is found by "inbox/%" as well.
std::string with_inbox_in_capitals(std::string pattern)
{
    constexpr std::string_view inbox = "INBOX";
    if (starts_with_ignoring_case(pattern, inbox) && pattern.substr(inbox.size()).starts_with(hierarchy_separator))
        pattern.replace(0, inbox.size(), inbox);
    return pattern;
}

class Patterns {
public:
    explicit Patterns(const ListArguments& arguments)
    {
        for (const std::string& pattern : arguments.patterns) {
            patterns_.emplace_back(with_inbox_in_capitals(arguments.reference + pattern));
            // RFC 3501 section 5.1: INBOX is INBOX in any case.
            for_inbox_.emplace_back(to_upper(arguments.reference + pattern));
        }
    }
    bool match(std::string_view name) const
    {
        const auto matches = [&](const ListPattern& pattern) { return pattern.matches(name); };
        return std::ranges::any_of(name == "INBOX" ? for_inbox_ : patterns_, matches);
    }

private:
    std::vector<ListPattern> patterns_;
    std::vector<ListPattern> for_inbox_;
};

void write_line(Serializer& out, std::string_view word, const std::vector<std::string_view>& attributes,
                std::string_view name)
{
    out.raw("* ").raw(word).raw(" (");
    for (std::size_t i = 0; i < attributes.size(); ++i)
        out.raw(i == 0 ? "" : " ").raw(attributes[i]);
    out.raw(") \"/\" ").mailbox(name);
}

// RFC 5258 section 3.1: is it what the selection options ask for?
bool is_selected(const Mailbox& mailbox, const ListArguments& arguments)
{
    return (!arguments.select_subscribed || mailbox.subscribed) &&
        (!arguments.select_special_use || mailbox.special_use != SpecialUse::none);
}

// A mailbox, and whose it is; its name as this client sees it.
struct Listed {
    mailbox::AccountPtr account;
    Mailbox mailbox;
};
struct Listing {
    std::vector<Listed> mailboxes;
    std::vector<std::string> subscribed_gone;

    bool has(std::string_view name) const
    {
        return std::ranges::any_of(mailboxes, [&](const Listed& one) { return one.mailbox.name == name; });
    }
};

// What others share stands below names that are no mailboxes; that one has subscribed to it is noted in one's own
// account, as a name (mailbox/mailbox.h: subscribed_gone).
void add_shared(Listing& listing, const Place& place, const MailboxTree& tree)
{
    if (tree.mailboxes.empty())
        return;
    for (std::string name : {std::string(shared_prefix), place.prefix}) {
        name.pop_back();
        if (!listing.has(name))
            listing.mailboxes.push_back({place.account, {.name = std::move(name), .selectable = false}});
    }
    for (const Mailbox& mailbox : tree.mailboxes) {
        Listed listed{place.account, mailbox};
        listed.mailbox.name = place.prefix + mailbox.name;
        listed.mailbox.subscribed = std::erase(listing.subscribed_gone, listed.mailbox.name) > 0;
        listing.mailboxes.push_back(std::move(listed));
    }
}

Task<Result<Listing>> listing_of(Session& session)
{
    Listing listing;
    const std::vector<Place> places = co_await all_places(session);
    for (const Place& place : places) {
        const Result<mailbox::MailboxTreePtr> tree = co_await place.account->tree();
        if (!tree && place.prefix.empty())
            co_return fail(tree.error());
        if (!tree)
            continue;
        if (!place.prefix.empty()) {
            add_shared(listing, place, **tree);
            continue;
        }
        for (const Mailbox& mailbox : (*tree)->mailboxes)
            listing.mailboxes.push_back({place.account, mailbox});
        listing.subscribed_gone = (*tree)->subscribed_gone;
    }
    co_return listing;
}

struct Context {
    const ListArguments& arguments;
    Patterns patterns;
    Names parents;  // of all mailboxes
    Names parents_of_selected;
};

std::vector<std::string_view> attributes_of(const Mailbox& mailbox, const Context& context)
{
    std::vector<std::string_view> attributes;
    if (!mailbox.selectable)
        attributes.emplace_back("\\Noselect");
    attributes.emplace_back(context.parents.contains(mailbox.name) ? "\\HasChildren" : "\\HasNoChildren");
    if (mailbox.subscribed && (context.arguments.select_subscribed || context.arguments.return_subscribed))
        attributes.emplace_back("\\Subscribed");
    if (mailbox.special_use != SpecialUse::none)
        attributes.push_back(attribute_of(mailbox.special_use));
    return attributes;
}

// Writes a mailbox if it is asked for; says whether it has.
bool write_mailbox(Serializer& out, const Mailbox& mailbox, const Context& context)
{
    const ListArguments& arguments = context.arguments;
    const bool selected = is_selected(mailbox, arguments);
    const bool for_child = arguments.recursive_match && context.parents_of_selected.contains(mailbox.name);
    if ((!selected && !for_child) || !context.patterns.match(mailbox.name))
        return false;
    write_line(out, "LIST", attributes_of(mailbox, context), mailbox.name);
    // RFC 5258 section 3.5: why it is told although it does not fit itself, or what fits below it.
    if (for_child && arguments.select_subscribed)
        out.raw(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    else if (for_child)
        out.raw(" (\"CHILDINFO\" (\"SPECIAL-USE\"))");
    out.crlf();
    return selected;
}

// What is subscribed and does not exist, and the parents of such names that do not exist either.
void write_subscribed_gone(Serializer& out, const Listing& listing, const Context& context)
{
    for (const std::string& name : listing.subscribed_gone)
        if (context.patterns.match(name)) {
            write_line(out, "LIST", {"\\NonExistent", "\\Noselect", "\\Subscribed"}, name);
            out.crlf();
        }
    for (const std::string_view name : context.parents_of_selected)
        if (!listing.has(name) && context.patterns.match(name)) {
            write_line(out, "LIST", {"\\NonExistent", "\\Noselect"}, name);
            out.raw(" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
        }
}

Context context_of(const Listing& listing, const ListArguments& arguments)
{
    Context context{arguments, Patterns(arguments), {}, {}};
    for (const auto& [account, mailbox] : listing.mailboxes) {
        add_parents(mailbox.name, context.parents);
        if (arguments.recursive_match && is_selected(mailbox, arguments))
            add_parents(mailbox.name, context.parents_of_selected);
    }
    if (arguments.recursive_match && arguments.select_subscribed)
        for (const std::string& name : listing.subscribed_gone)
            add_parents(name, context.parents_of_selected);
    return context;
}

// RFC 3501 section 6.3.8: an empty pattern asks for the separator; not so in an extended LIST (RFC 9051 section 6.3.9),
// where it fits nothing.
bool asks_for_separator(const ListArguments& arguments)
{
    return !arguments.is_extended && arguments.patterns[0].empty();
}

// RFC 9590 section 3: what was asked for and is not there is NIL.
void write_asked_metadata(Serializer& out, std::string_view name, std::vector<mailbox::MetadataEntry> entries,
                          const std::vector<std::string>& asked)
{
    std::string_view before = " (";
    out.raw("* METADATA ").mailbox(name);
    for (const std::string& one : asked) {
        const auto found = std::ranges::find(entries, one, &mailbox::MetadataEntry::name);
        out.raw(before).astring(one).raw(" ");
        if (found == entries.end())
            out.nil();
        else
            write_metadata_value(out, found->value);
        before = " ";
    }
    out.raw(")\r\n");
}

// RETURN (STATUS …), (MYRIGHTS), (METADATA …): behind the mailbox's own line. What cannot be known now is left out.
Task<void> write_returned(Session& session, const Listed& listed, const ListArguments& arguments)
{
    const Mailbox& mailbox = listed.mailbox;
    if (arguments.return_my_rights)
        session.out().raw("* MYRIGHTS ").mailbox(mailbox.name).raw(" ").raw(text_of(mailbox.rights)).crlf();
    if (!arguments.return_status.empty()) {
        const Result<mailbox::SnapshotPtr> snapshot = co_await listed.account->snapshot(mailbox.id);
        if (snapshot)
            write_status(session, *listed.account, mailbox.name, **snapshot, arguments.return_status);
    }
    if (!arguments.return_metadata.empty()) {
        Result<std::vector<mailbox::MetadataEntry>> entries = co_await listed.account->metadata(mailbox.id);
        if (entries)
            write_asked_metadata(session.out(), mailbox.name, *std::move(entries), arguments.return_metadata);
    }
}

}  // namespace

Task<Reply> list(Session& session, Command command)
{
    const auto& arguments = std::get<ListArguments>(command.arguments);
    if (asks_for_separator(arguments)) {
        session.out().raw("* LIST (\\Noselect) \"/\" \"\"\r\n");
        co_return Reply::ok("that is the separator");
    }
    const Result<Listing> listing = co_await listing_of(session);
    if (!listing)
        co_return refusal(listing.error());
    const Context context = context_of(*listing, arguments);
    for (const Listed& listed : listing->mailboxes) {
        const bool is_told = write_mailbox(session.out(), listed.mailbox, context);
        if (is_told && listed.mailbox.selectable)
            co_await write_returned(session, listed, arguments);
        const Result<void> sent = co_await session.channel().flush_if_full();
        if (!sent)
            co_return Reply::gone();
    }
    if (arguments.select_subscribed)
        write_subscribed_gone(session.out(), *listing, context);
    co_return Reply::ok("that is all");
}

// RFC 3501 section 6.3.9: what is subscribed, whether it exists or not; with "%" also a parent that is not
// subscribed itself, as \Noselect.
Task<Reply> lsub(Session& session, Command command)
{
    const auto& arguments = std::get<ListArguments>(command.arguments);
    const Result<Listing> listing = co_await listing_of(session);
    if (!listing)
        co_return refusal(listing.error());
    std::vector<std::string_view> names;
    for (const auto& [account, mailbox] : listing->mailboxes)
        if (mailbox.subscribed)
            names.push_back(mailbox.name);
    names.insert(names.end(), listing->subscribed_gone.begin(), listing->subscribed_gone.end());

    const Patterns patterns(arguments);
    Names told;
    for (const std::string_view name : names)
        if (patterns.match(name) && told.insert(name).second) {
            write_line(session.out(), "LSUB", {}, name);
            session.out().crlf();
        }
    if (arguments.patterns[0].ends_with('%')) {
        Names parents;
        for (const std::string_view name : names)
            add_parents(name, parents);
        for (const std::string_view name : parents)
            if (patterns.match(name) && told.insert(name).second) {
                write_line(session.out(), "LSUB", {"\\Noselect"}, name);
                session.out().crlf();
            }
    }
    co_return Reply::ok("that is all");
}

}  // namespace posthouse::imap
