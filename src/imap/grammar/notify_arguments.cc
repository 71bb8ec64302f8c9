// NOTIFY (RFC 5465), ESEARCH (RFC 7377), CANCELUPDATE (RFC 5267).
#include "imap/grammar/command_arguments.h"
#include "imap/grammar/lexemes.h"

#include <array>

namespace posthouse::imap {

namespace {

using Kind = MailboxFilter::Kind;
using Group = NotifyArguments::Group;

constexpr std::size_t most_groups = 100;
constexpr std::size_t most_tags = 100;

struct FilterWord {
    std::string_view word;
    Kind kind;
};
constexpr std::array filter_words{
    FilterWord{"SELECTED-DELAYED", Kind::selected_delayed},
    FilterWord{"SELECTED", Kind::selected},
    FilterWord{"INBOXES", Kind::inboxes},
    FilterWord{"PERSONAL", Kind::personal},
    FilterWord{"SUBSCRIBED", Kind::subscribed},
    FilterWord{"SUBTREE-ONE", Kind::subtree_one},
    FilterWord{"SUBTREE", Kind::subtree},
    FilterWord{"MAILBOXES", Kind::mailboxes},
};

// one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
Parsed<std::vector<std::string>> some_names(CommandCursor& in)
{
    std::vector<std::string> names;
    const bool several = in.take('(');
    do {
        auto name = mailbox_name(in);
        if (!name)
            return std::unexpected(name.error());
        if (names.size() == MailboxFilter::most_names)
            return misfit("too many mailboxes");
        names.push_back(std::move(*name));
    } while (several && in.take(' '));
    if (several && !in.take(')'))
        return misfit("the mailboxes are not closed");
    return names;
}

Parsed<MailboxFilter> mailbox_filter(CommandCursor& in)
{
    for (const FilterWord& word : filter_words) {
        if (!take_word(in, word.word))
            continue;
        MailboxFilter filter{.kind = word.kind, .names = {}};
        if (word.kind < Kind::subtree)
            return filter;
        auto names = in.take(' ') ? some_names(in) : misfit("mailboxes are missing");
        if (!names)
            return std::unexpected(names.error());
        filter.names = std::move(*names);
        return filter;
    }
    return misfit("unknown mailbox filter");
}

struct EventWord {
    std::string_view word;
    bool Group::* flag;
};
constexpr std::array event_words{
    EventWord{"MESSAGENEW", &Group::message_new},
    EventWord{"MESSAGEEXPUNGE", &Group::message_expunge},
    EventWord{"FLAGCHANGE", &Group::flag_change},
    EventWord{"MAILBOXNAME", &Group::mailbox_name},
    EventWord{"SUBSCRIPTIONCHANGE", &Group::subscription_change},
    EventWord{"MAILBOXMETADATACHANGE", &Group::mailbox_metadata_change},
    EventWord{"SERVERMETADATACHANGE", &Group::server_metadata_change},
};

// message-event / mailbox-event / user-event; "MessageNew" may say what is told of each new message.
bool event(Cursor& in, Group& group)
{
    for (const EventWord& word : event_words) {
        if (!take_word(in, word.word))
            continue;
        group.*word.flag = true;
        if (word.flag != &Group::message_new || !in.rest().starts_with(" ("))
            return true;
        in.take(' ');
        auto attributes = fetch_attributes(in);
        if (attributes)
            group.attributes = std::move(*attributes);
        return attributes.has_value();
    }
    return false;
}

// event-group = "(" filter-mailboxes SP ("(" event *(SP event) ")" / "NONE") ")"
Parsed<Group> event_group(CommandCursor& in)
{
    Group group;
    if (!in.take('('))
        return misfit("an event group is missing");
    auto filter = mailbox_filter(in);
    if (!filter)
        return std::unexpected(filter.error());
    group.filter = std::move(*filter);
    if (group.filter.kind == Kind::subtree_one || !in.take(' '))
        return misfit("not an event group");
    if (!take_word(in, "NONE")) {
        if (!in.take('('))
            return misfit("events are missing");
        do {
            if (!event(in, group))
                return std::unexpected(ArgumentFault{SyntaxError::Kind::bad_event, "this event is not known here"});
        } while (in.take(' '));
        if (!in.take(')'))
            return misfit("the events are not closed");
    }
    if (!in.take(')'))
        return misfit("the event group is not closed");
    return group;
}

// RFC 5465 section 5: what makes no sense together.
std::optional<std::string> contradiction(const std::vector<Group>& groups)
{
    std::size_t selected = 0;
    for (const Group& group : groups) {
        const bool is_selected = group.filter.kind <= Kind::selected_delayed;
        selected += is_selected;
        if (group.message_new != group.message_expunge)
            return "MessageNew and MessageExpunge go together";
        if (group.flag_change && !group.message_new)
            return "FlagChange goes with MessageNew and MessageExpunge";
        if (!group.attributes.empty() && !is_selected)
            return "what is told of new messages goes with the selected mailbox only";
        if (is_selected &&
            (group.mailbox_name || group.subscription_change || group.mailbox_metadata_change ||
             group.server_metadata_change))
            return "the selected mailbox has events of messages only";
    }
    return selected > 1 ? std::optional("the selected mailbox is named twice") : std::nullopt;
}

}  // namespace

// notify = "NOTIFY" SP ("SET" [SP "STATUS"] 1*(SP event-group) / "NONE")
Parsed<Arguments> notify_arguments(CommandCursor& in)
{
    NotifyArguments notify;
    if (!in.take(' '))
        return misfit("SET or NONE is missing");
    if (take_word(in, "NONE"))
        return notify;
    if (!take_word(in, "SET"))
        return misfit("SET or NONE is missing");
    notify.status = in.take(" STATUS");
    while (in.take(' ')) {
        auto group = event_group(in);
        if (!group)
            return std::unexpected(group.error());
        if (notify.groups.size() == most_groups)
            return misfit("too many event groups");
        notify.groups.push_back(std::move(*group));
    }
    if (notify.groups.empty())
        return misfit("event groups are missing");
    if (auto why = contradiction(notify.groups))
        return misfit(std::move(*why));
    return notify;
}

// esearch = "ESEARCH" [SP "IN" SP "(" source-mbox *(SP source-mbox) ")"] SP [search-return-opts SP] search-program
Parsed<Arguments> esearch_arguments(CommandCursor& in)
{
    MultiSearchArguments search;
    if (in.take(" IN (")) {
        do {
            auto filter = mailbox_filter(in);
            if (!filter)
                return std::unexpected(filter.error());
            if (filter->kind == Kind::selected_delayed || search.sources.size() == most_groups)
                return misfit("not a list of mailboxes");
            search.sources.push_back(std::move(*filter));
        } while (in.take(' '));
        if (!in.take(')'))
            return misfit("the mailboxes are not closed");
    }
    if (!in.take(' '))
        return misfit("search keys are missing");
    auto result = search_return(in);
    if (!result)
        return misfit(std::move(result.error()));
    search.result = std::move(*result);
    auto program = search_program(in);
    if (!program)
        return misfit(std::move(program.error()));
    if (search.result.relevancy && !program->is_fuzzy())
        return misfit(std::string(nothing_fuzzy));
    search.program = std::move(*program);
    return search;
}

// cancel-update = "CANCELUPDATE" 1*(SP quoted)
Parsed<Arguments> cancel_update_arguments(CommandCursor& in)
{
    CancelUpdateArguments cancel;
    while (in.take(' ')) {
        auto tag = quoted(in);
        if (!tag || cancel.tags.size() == most_tags)
            return misfit("not a list of tags in quotes");
        cancel.tags.push_back(std::move(*tag));
    }
    if (cancel.tags.empty())
        return misfit("a tag is missing");
    return cancel;
}

}  // namespace posthouse::imap
