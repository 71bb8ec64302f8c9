#include "imap/server/notifier.h"

#include "imap/server/fetch.h"
#include "imap/server/mailbox_filter.h"
#include "imap/server/observed.h"
#include "imap/server/session.h"

#include <algorithm>
#include <unordered_map>

namespace posthouse::imap {

namespace {

using mailbox::Mailbox;
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

Notifier::Notifier(Session& session, NotifyArguments arguments) : arguments_(std::move(arguments))
{
    registration_ = session.news().listen(session.loop(), [&wire = session.channel().wire()] { wire.wake(); });
    news_told_ = session.news().last();
    observe(session, {session.account_handle(), {}, {}});
}

Notifier::~Notifier() = default;

void Notifier::observe(Session& session, Place place)
{
    net::Wire& wire = session.channel().wire();
    Observed observed{.account = std::move(place.account),
                      .prefix = std::move(place.prefix),
                      .watch = {},
                      .tree = nullptr,
                      .own = nullptr,
                      .shared = {},
                      .refused = {}};
    observed.watch = observed.account->watch(0, session.loop(), [&wire] { wire.wake(); });
    observed_.push_back(std::move(observed));
}

bool Notifier::is_observed(mailbox::AccountId account) const
{
    return std::ranges::any_of(observed_, [&](const Observed& place) { return place.account->id() == account; });
}

bool Notifier::asks_for(std::string_view prefix) const
{
    const auto names_it = [&](const Group& group) { return can_name(group.filter, prefix); };
    return std::ranges::any_of(arguments_.groups, names_it);
}

// What others share, as far as it was asked for.
Task<void> Notifier::observe_all(Session& session)
{
    if (!asks_for(shared_prefix))
        co_return;
    std::vector<Place> places = co_await all_places(session);
    for (Place& place : places)
        if (!place.prefix.empty() && asks_for(place.prefix) && !is_observed(place.account->id()))
            observe(session, std::move(place));
}

Task<Result<void>> Notifier::begin(Session& session)
{
    co_await observe_all(session);
    for (std::size_t place = 0; place < observed_.size(); ++place) {
        const Result<void> seen = co_await look_at(session, place, true);
        if (!seen && place == 0)
            co_return seen;
    }
    if (arguments_.status)
        tell_status(session);
    co_return co_await session.channel().flush_if_full();
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
    for (const Observed& place : observed_)
        for (const Mailbox& mailbox : place.mailboxes()) {
            const Group events = events_of(mailbox);
            if (tells_messages(events) && mailbox.selectable && mailbox.id != selected && may_observe(mailbox))
                write_counts(session, mailbox, events.flag_change);
        }
}

Task<Result<void>> Notifier::tell(Session& session)
{
    const Result<void> selected = co_await tell_selected(session);
    if (!selected)
        co_return selected;
    News::Latest news = session.news().since(news_told_);
    if (!news.changes.empty())
        news_told_ = news.changes.back().number;
    co_await heed_sharing(session, news.changes, news.is_all);
    for (std::size_t place = 0; place < observed_.size(); ++place) {
        const Result<void> seen = co_await look_at(session, place, false);
        static_cast<void>(seen);  // where it cannot be known now, it is told another time
    }
    // Whoever shares nothing any more is watched no longer; when he does again, the news says so.
    std::erase_if(observed_, [](const Observed& place) {
        return !place.is_own() && place.shared.empty() && place.refused.empty();
    });
    tell_metadata(session, news.changes);
    co_return co_await session.channel().flush_if_full();
}

// Section 5.9: what is shared from now on is watched from now on.
Task<void> Notifier::heed_sharing(Session& session, std::vector<News::Change> changes, bool is_all)
{
    if (!is_all)
        co_return co_await observe_all(session);
    const mailbox::AccountId self = session.account().id();
    for (const News::Change& change : changes) {
        const bool is_with_us = change.account == self || change.account == mailbox::anyone;
        if (change.kind != News::Change::Kind::sharing || !is_with_us || is_observed(change.owner) ||
            !asks_for(shared_prefix))
            continue;
        Result<Place> place = co_await place_of(session, change.owner);
        if (place && asks_for(place->prefix))
            observe(session, std::move(*place));
    }
}

// What is in the account's tree now and was not when it was told last. `silently`: that is where the telling begins.
Task<Result<void>> Notifier::look_at(Session& session, std::size_t index, bool silently)
{
    const Result<mailbox::MailboxTreePtr> newest = co_await observed_[index].account->tree();
    Observed& place = observed_[index];
    const bool is_gone = !newest && newest.error() == ErrorCode::not_found && !place.is_own();
    if (!newest && !is_gone)
        co_return fail(newest.error());
    const mailbox::MailboxTreePtr tree = newest ? *newest : std::make_shared<const mailbox::MailboxTree>();
    if (place.is_own()) {
        if (!silently && tree != place.tree)
            tell_changes(session, place, tree->mailboxes);
        place.tree = tree;
        co_return Result<void>{};
    }
    if (tree == place.tree && observed_[0].tree == place.own)
        co_return Result<void>{};
    std::vector<Mailbox> shared = shared_in(*tree, place.prefix, *observed_[0].tree);
    if (silently)
        for (const Mailbox& mailbox : shared)
            if (!may_observe(mailbox))
                tell_refused(session, place, mailbox, false);
    if (!silently)
        tell_changes(session, place, shared);
    place.shared = std::move(shared);
    place.tree = tree;
    place.own = observed_[0].tree;
    co_return Result<void>{};
}

// One's own account is watched as a whole; a mailbox of another's is as long as it is selected.
void Notifier::watch_selected(Session& session)
{
    const mailbox::AccountPtr whose = session.view().account;
    if (whose == selected_in_)
        return;
    selected_in_ = whose;
    selected_watch_ = {};
    if (whose == session.account_handle())
        return;
    net::Wire& wire = session.channel().wire();
    selected_watch_ = whose->watch(session.view().mailbox, session.loop(), [&wire] { wire.wake(); });
}

Task<Result<void>> Notifier::tell_selected(Session& session)
{
    const Group* group = selected_group();
    if (session.state() != State::selected) {
        selected_ = 0;
        selected_watch_ = {};
        selected_in_ = nullptr;
        co_return Result<void>{};
    }
    watch_selected(session);
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
void Notifier::tell_metadata(Session& session, const std::vector<News::Change>& changes) const
{
    const mailbox::AccountId self = session.account().id();
    const bool of_server = std::ranges::any_of(arguments_.groups, &Group::server_metadata_change);
    for (const News::Change& change : changes) {
        const bool is_private = change.name.starts_with("/private/");
        if (change.kind != News::Change::Kind::metadata || change.session == session.id() ||
            (is_private && change.account != self))
            continue;
        const auto is_place = [&](const Observed& place) { return place.account->id() == change.owner; };
        const auto place = std::ranges::find_if(observed_, is_place);
        if (place == observed_.end() || (change.mailbox == 0 && !place->is_own()))
            continue;
        const Mailbox* mailbox = place->find(change.mailbox);
        const bool is_asked = change.mailbox == 0
            ? of_server
            : mailbox != nullptr && may_observe(*mailbox) && events_of(*mailbox).mailbox_metadata_change;
        if (!is_asked)
            continue;
        session.out().raw("* METADATA ").mailbox(mailbox == nullptr ? "" : mailbox->name);
        session.out().raw(" ").astring(change.name).crlf();
    }
}

void Notifier::tell_changes(Session& session, Observed& place, std::span<const Mailbox> newest) const
{
    std::unordered_map<mailbox::MailboxId, const Mailbox*> before;
    for (const Mailbox& mailbox : place.mailboxes())
        before.emplace(mailbox.id, &mailbox);
    for (const Mailbox& mailbox : newest) {
        const auto found = before.find(mailbox.id);
        tell_mailbox(session, place, found == before.end() ? nullptr : found->second, &mailbox);
        if (found != before.end())
            before.erase(found);
    }
    for (const Mailbox& mailbox : place.mailboxes())
        if (before.contains(mailbox.id))
            tell_mailbox(session, place, &mailbox, nullptr);
}

// Sections 3.1 and 5.9: what may be listed and not be watched, or was taken away. Whether another's mailbox is gone or
// only not for this client any more, it does not learn.
void Notifier::tell_refused(Session& session, Observed& place, const Mailbox& mailbox, bool is_gone) const
{
    const Group events = events_of(mailbox);
    const bool is_asked =
        tells_messages(events) || events.mailbox_name || events.subscription_change || events.mailbox_metadata_change;
    if (!is_asked)
        return;
    const bool is_new = place.refused.insert(mailbox.id).second;
    const bool was_deleted = is_gone && events.mailbox_name;  // section 5.4: to lose 'l' counts as that
    if (!is_new && !was_deleted)
        return;
    write_list(session.out(), was_deleted ? "\\NonExistent \\NoAccess" : "\\NoAccess", mailbox.name);
    session.out().crlf();
}

void Notifier::tell_mailbox(Session& session, Observed& place, const Mailbox* before, const Mailbox* now) const
{
    const Group events = events_of(now != nullptr ? *now : *before);
    Serializer& out = session.out();
    if (now == nullptr) {
        if (!place.is_own())
            return tell_refused(session, place, *before, true);
        if (events.mailbox_name) {
            write_list(out, "\\NonExistent", before->name);
            out.crlf();
        }
        return;
    }
    if (!may_observe(*now))
        return tell_refused(session, place, *now, false);
    const bool is_allowed_again = place.refused.erase(now->id) > 0;
    if (before != nullptr && !may_observe(*before))
        before = nullptr;  // what it was then was not to be seen
    const bool is_new = before == nullptr || before->selectable != now->selectable;
    const bool is_renamed = before != nullptr && before->name != now->name;
    const bool subscription = events.subscription_change && before != nullptr && before->subscribed != now->subscribed;
    if ((events.mailbox_name && (is_new || is_renamed)) || subscription || is_allowed_again) {
        write_list(out, attributes_of(*now, events.subscription_change), now->name);
        if (events.mailbox_name && is_renamed)  // RFC 5465 section 5.4
            out.raw(" (\"OLDNAME\" (").mailbox(before->name).raw("))");
        out.crlf();
    }
    const bool is_selected = session.state() == State::selected && session.view().mailbox == now->id &&
        session.view().account->id() == place.account->id();
    if (is_selected || before == nullptr)
        return;
    const bool messages = before->messages != now->messages || before->uid_next != now->uid_next;
    const bool flags = before->highest_modseq != now->highest_modseq;
    if ((events.message_new && messages) || (events.flag_change && flags))
        write_counts(session, *now, events.flag_change);
}

}  // namespace posthouse::imap
