// LIST and LSUB: RFC 3501 sections 6.3.8 and 6.3.9, RFC 3348 (children), 6154 (special use), 5258
// (extended LIST), 5819 (STATUS in LIST).
#include "imap/grammar/list_pattern.h"
#include "imap/server/commands.h"
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

class Patterns {
public:
    explicit Patterns(const ListArguments& arguments)
    {
        for (const std::string& pattern : arguments.patterns) {
            patterns_.emplace_back(arguments.reference + pattern);
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
void write_subscribed_gone(Serializer& out, const MailboxTree& tree, const Context& context)
{
    for (const std::string& name : tree.subscribed_gone)
        if (context.patterns.match(name)) {
            write_line(out, "LIST", {"\\NonExistent", "\\Noselect", "\\Subscribed"}, name);
            out.crlf();
        }
    for (const std::string_view name : context.parents_of_selected)
        if (tree.find(name) == nullptr && context.patterns.match(name)) {
            write_line(out, "LIST", {"\\NonExistent", "\\Noselect"}, name);
            out.raw(" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
        }
}

Context context_of(const MailboxTree& tree, const ListArguments& arguments)
{
    Context context{arguments, Patterns(arguments), {}, {}};
    for (const Mailbox& mailbox : tree.mailboxes) {
        add_parents(mailbox.name, context.parents);
        if (arguments.recursive_match && is_selected(mailbox, arguments))
            add_parents(mailbox.name, context.parents_of_selected);
    }
    if (arguments.recursive_match && arguments.select_subscribed)
        for (const std::string& name : tree.subscribed_gone)
            add_parents(name, context.parents_of_selected);
    return context;
}

// RFC 3501 section 6.3.8: an empty pattern asks for the separator.
bool asks_for_separator(const ListArguments& arguments)
{
    return arguments.patterns.size() == 1 && arguments.patterns[0].empty() && !arguments.select_subscribed &&
        !arguments.select_special_use;
}

}  // namespace

Task<Reply> list(Session& session, Command command)
{
    const auto& arguments = std::get<ListArguments>(command.arguments);
    if (asks_for_separator(arguments)) {
        session.out().raw("* LIST (\\Noselect) \"/\" \"\"\r\n");
        co_return Reply::ok("that is the separator");
    }
    const Result<mailbox::MailboxTreePtr> tree = co_await session.account().tree();
    if (!tree)
        co_return refusal(tree.error());
    const Context context = context_of(**tree, arguments);
    for (const Mailbox& mailbox : (*tree)->mailboxes) {
        const bool is_told = write_mailbox(session.out(), mailbox, context);
        if (!is_told || arguments.return_status.empty() || !mailbox.selectable)
            continue;
        const Result<mailbox::SnapshotPtr> snapshot = co_await session.account().snapshot(mailbox.id);
        if (snapshot)  // else it is being deleted just now
            write_status(session, mailbox.name, **snapshot, arguments.return_status);
        const Result<void> sent = co_await session.channel().flush_if_full();
        if (!sent)
            co_return Reply::gone();
    }
    if (arguments.select_subscribed)
        write_subscribed_gone(session.out(), **tree, context);
    co_return Reply::ok("that is all");
}

// RFC 3501 section 6.3.9: what is subscribed, whether it exists or not; with "%" also a parent that is not
// subscribed itself, as \Noselect.
Task<Reply> lsub(Session& session, Command command)
{
    const auto& arguments = std::get<ListArguments>(command.arguments);
    const Result<mailbox::MailboxTreePtr> tree = co_await session.account().tree();
    if (!tree)
        co_return refusal(tree.error());
    std::vector<std::string_view> names;
    for (const Mailbox& mailbox : (*tree)->mailboxes)
        if (mailbox.subscribed)
            names.push_back(mailbox.name);
    names.insert(names.end(), (*tree)->subscribed_gone.begin(), (*tree)->subscribed_gone.end());

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
