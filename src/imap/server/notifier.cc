#include "imap/server/notifier.h"

#include "imap/server/fetch.h"
#include "imap/server/mailbox_filter.h"
#include "imap/server/session.h"

#include <algorithm>
#include <unordered_map>

namespace posthouse::imap {

namespace {

using mailbox::Mailbox;
using mailbox::MailboxTree;
using Kind = MailboxFilter::Kind;

// RFC 5465 sections 3.1 and 5.1 to 5.3 ask for some of these with each event; all of them are at hand. HIGHESTMODSEQ
// goes with FlagChange.
void write_counts(Session& session, const Mailbox& mailbox, bool with_modseq)
{
    Serializer& out = session.out();
    out.raw("* STATUS ").mailbox(mailbox.name).raw(" (MESSAGES ").number(mailbox.messages);
    out.raw(" UIDNEXT ").number(mailbox.uid_next).raw(" UIDVALIDITY ").number(mailbox.uid_validity);
    out.raw(" UNSEEN ").number(mailbox.unseen);
    if (with_modseq || session.enabled().condstore)
        out.raw(" HIGHESTMODSEQ ").number(mailbox.highest_modseq);
    out.raw(")\r\n");
}

void write_list(Serializer& out, std::string_view attributes, std::string_view name)
{
    out.raw("* LIST (").raw(attributes).raw(") \"/\" ").mailbox(name);
}

std::string_view attributes_of(const Mailbox& mailbox, bool with_subscription)
{
    if (!mailbox.selectable)
        return "\\Noselect";
    return with_subscription && mailbox.subscribed ? "\\Subscribed" : "";
}

bool tells_messages(const NotifyArguments::Group& group) { return group.message_new || group.flag_change; }

}  // namespace

Notifier::Notifier(Session& session, NotifyArguments arguments, mailbox::MailboxTreePtr tree) :
    arguments_(std::move(arguments)), told_(std::move(tree))
{
    net::Wire& wire = session.channel().wire();
    watch_ = session.account().watch(0, session.loop(), [&wire] { wire.wake(); });
    registration_ = session.news().listen(session.loop(), [&wire] { wire.wake(); });
    news_told_ = session.news().last();
}

const Notifier::Group* Notifier::selected_group() const
{
    const auto is_selected = [](const Group& group) { return group.filter.kind <= Kind::selected_delayed; };
    const auto found = std::ranges::find_if(arguments_.groups, is_selected);
    return found == arguments_.groups.end() ? nullptr : &*found;
}

// RFC 5465 section 6: of all groups that name it. The selected mailbox is told by its own way.
Notifier::Group Notifier::events_of(const Mailbox& mailbox) const
{
    Group events;
    for (const Group& group : arguments_.groups) {
        if (group.filter.kind <= Kind::selected_delayed || !is_named(group.filter, mailbox, 0))
            continue;
        events.message_new |= group.message_new;
        events.message_expunge |= group.message_expunge;
        events.flag_change |= group.flag_change;
        events.mailbox_name |= group.mailbox_name;
        events.subscription_change |= group.subscription_change;
        events.mailbox_metadata_change |= group.mailbox_metadata_change;
    }
    return events;
}

void Notifier::tell_status(Session& session) const
{
    const mailbox::MailboxId selected = session.state() == State::selected ? session.view().mailbox : 0;
    for (const Mailbox& mailbox : told_->mailboxes) {
        const Group events = events_of(mailbox);
        if (tells_messages(events) && mailbox.selectable && mailbox.id != selected)
            write_counts(session, mailbox, events.flag_change);
    }
}

Task<Result<void>> Notifier::tell(Session& session)
{
    const Result<void> selected = co_await tell_selected(session);
    if (!selected)
        co_return selected;
    const Result<mailbox::MailboxTreePtr> newest = co_await session.account().tree();
    if (newest && *newest != told_) {  // where it cannot be known now, it is told another time
        tell_tree(session, **newest);
        told_ = *newest;
    }
    tell_metadata(session);
    co_return co_await session.channel().flush_if_full();
}

Task<Result<void>> Notifier::tell_selected(Session& session)
{
    const Group* group = selected_group();
    if (session.state() != State::selected) {
        selected_ = 0;
        co_return Result<void>{};
    }
    if (session.view().mailbox != selected_) {
        selected_ = session.view().mailbox;
        told_up_to_ = session.view().numbering->uid_next;
    }
    if (group == nullptr || !tells_messages(*group))
        co_return Result<void>{};
    const bool delayed = group->filter.kind == Kind::selected_delayed;
    const Result<void> updated = co_await session.tell_updates(delayed ? Expunges::held_back : Expunges::told);
    if (!updated)
        co_return updated;
    session.hold_back_modseq();
    const View& view = session.view();
    if (group->attributes.empty() || view.numbering->uid_next <= told_up_to_)
        co_return Result<void>{};
    mailbox::NumberSet fresh;
    fresh.add({told_up_to_, view.numbering->uid_next - 1});
    told_up_to_ = view.numbering->uid_next;
    co_return co_await tell_attributes(session, group->attributes, positions_of_uids(*view.numbering, fresh));
}

// RFC 5465 sections 5.6 and 5.7: the entries' names (RFC 5464 section 4.4.2), by whomever else they were set.
void Notifier::tell_metadata(Session& session)
{
    const mailbox::AccountId self = session.account().id();
    const bool of_server = std::ranges::any_of(arguments_.groups, &Group::server_metadata_change);
    for (const MetadataNews::Change& change : session.news().since(news_told_, self)) {
        news_told_ = change.number;
        const Mailbox* mailbox = told_->find(change.mailbox);
        const bool is_asked =
            change.mailbox == 0 ? of_server : mailbox != nullptr && events_of(*mailbox).mailbox_metadata_change;
        const bool is_private = change.name.starts_with("/private/");
        if (change.session == session.id() || !is_asked || (is_private && change.actor != self))
            continue;
        session.out().raw("* METADATA ").mailbox(mailbox == nullptr ? "" : mailbox->name);
        session.out().raw(" ").astring(change.name).crlf();
    }
}

void Notifier::tell_tree(Session& session, const MailboxTree& newest) const
{
    std::unordered_map<mailbox::MailboxId, const Mailbox*> before;
    for (const Mailbox& mailbox : told_->mailboxes)
        before.emplace(mailbox.id, &mailbox);
    for (const Mailbox& mailbox : newest.mailboxes) {
        const auto found = before.find(mailbox.id);
        tell_mailbox(session, found == before.end() ? nullptr : found->second, &mailbox);
        if (found != before.end())
            before.erase(found);
    }
    for (const Mailbox& mailbox : told_->mailboxes)
        if (before.contains(mailbox.id))
            tell_mailbox(session, &mailbox, nullptr);
}

void Notifier::tell_mailbox(Session& session, const Mailbox* before, const Mailbox* now) const
{
    const Group events = events_of(now != nullptr ? *now : *before);
    Serializer& out = session.out();
    if (now == nullptr) {
        if (events.mailbox_name) {
            write_list(out, "\\NonExistent", before->name);
            out.crlf();
        }
        return;
    }
    const bool is_new = before == nullptr || before->selectable != now->selectable;
    const bool is_renamed = before != nullptr && before->name != now->name;
    const bool subscription = events.subscription_change && before != nullptr && before->subscribed != now->subscribed;
    if ((events.mailbox_name && (is_new || is_renamed)) || subscription) {
        write_list(out, attributes_of(*now, events.subscription_change), now->name);
        if (events.mailbox_name && is_renamed)  // RFC 5465 section 5.4
            out.raw(" (\"OLDNAME\" (").mailbox(before->name).raw("))");
        out.crlf();
    }
    const bool is_selected = session.state() == State::selected && session.view().mailbox == now->id;
    if (is_selected || before == nullptr)
        return;
    const bool messages = before->messages != now->messages || before->uid_next != now->uid_next;
    const bool flags = before->highest_modseq != now->highest_modseq;
    if ((events.message_new && messages) || (events.flag_change && flags))
        write_counts(session, *now, events.flag_change);
}

}  // namespace posthouse::imap
