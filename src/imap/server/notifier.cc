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

// RFC 5465 sections 5.1 to 5.3 ask for some of these with each event; all of them are at hand.
void write_counts(Session& session, const Mailbox& mailbox)
{
    Serializer& out = session.out();
    out.raw("* STATUS ").mailbox(mailbox.name).raw(" (MESSAGES ").number(mailbox.messages);
    out.raw(" UIDNEXT ").number(mailbox.uid_next).raw(" UIDVALIDITY ").number(mailbox.uid_validity);
    out.raw(" UNSEEN ").number(mailbox.unseen);
    if (session.enabled().condstore)
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
}

const Notifier::Group* Notifier::selected_group() const
{
    const auto is_selected = [](const Group& group) { return group.filter.kind <= Kind::selected_delayed; };
    const auto found = std::ranges::find_if(arguments_.groups, is_selected);
    return found == arguments_.groups.end() ? nullptr : &*found;
}

// RFC 5465 section 3.1: the first group that names it. The selected mailbox is told by its own way.
const Notifier::Group* Notifier::group_of(const Mailbox& mailbox) const
{
    const auto names = [&](const Group& group) {
        return group.filter.kind > Kind::selected_delayed && is_named(group.filter, mailbox, 0);
    };
    const auto found = std::ranges::find_if(arguments_.groups, names);
    return found == arguments_.groups.end() ? nullptr : &*found;
}

void Notifier::tell_status(Session& session) const
{
    const mailbox::MailboxId selected = session.state() == State::selected ? session.view().mailbox : 0;
    for (const Mailbox& mailbox : told_->mailboxes) {
        const Group* group = group_of(mailbox);
        if (group != nullptr && tells_messages(*group) && mailbox.selectable && mailbox.id != selected)
            write_counts(session, mailbox);
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
    const View& view = session.view();
    if (group->attributes.empty() || view.numbering->uid_next <= told_up_to_)
        co_return Result<void>{};
    mailbox::NumberSet fresh;
    fresh.add({told_up_to_, view.numbering->uid_next - 1});
    told_up_to_ = view.numbering->uid_next;
    co_return co_await tell_attributes(session, group->attributes, positions_of_uids(*view.numbering, fresh));
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
    const Group* group = group_of(now != nullptr ? *now : *before);
    if (group == nullptr)
        return;
    Serializer& out = session.out();
    if (now == nullptr) {
        if (group->mailbox_name) {
            write_list(out, "\\NonExistent", before->name);
            out.crlf();
        }
        return;
    }
    const bool is_new = before == nullptr || before->selectable != now->selectable;
    const bool is_renamed = before != nullptr && before->name != now->name;
    const bool subscription = group->subscription_change && before != nullptr && before->subscribed != now->subscribed;
    if ((group->mailbox_name && (is_new || is_renamed)) || subscription) {
        write_list(out, attributes_of(*now, group->subscription_change), now->name);
        if (group->mailbox_name && is_renamed)  // RFC 5465 section 5.4
            out.raw(" (\"OLDNAME\" (").mailbox(before->name).raw("))");
        out.crlf();
    }
    const bool is_selected = session.state() == State::selected && session.view().mailbox == now->id;
    if (is_selected || before == nullptr)
        return;
    const bool messages = before->messages != now->messages || before->uid_next != now->uid_next;
    const bool flags = before->highest_modseq != now->highest_modseq;
    if ((group->message_new && messages) || (group->flag_change && flags))
        write_counts(session, *now);
}

}  // namespace posthouse::imap
