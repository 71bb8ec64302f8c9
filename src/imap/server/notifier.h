// What a client has asked to hear of by NOTIFY, and what it has heard. RFC 5465.
//
// Mailboxes are compared as trees (mailbox/mailbox.h): names, subscriptions, counts. The selected one is told by
// view.h as ever, only without waiting for a command. Of mailboxes that others share (observed.h) each comparison is of
// what may be seen at that moment.
#pragma once

#include "imap/grammar/arguments.h"
#include "imap/server/news.h"
#include "mailbox/mailbox.h"

#include <vector>

namespace posthouse::imap {

class Session;
struct Observed;
struct Place;

class Notifier {
public:
    // Wakes the session's wire from now on.
    Notifier(Session& session, NotifyArguments arguments);
    ~Notifier();

    // Looks at all that is to be told of; with NOTIFY SET STATUS tells how it is.
    Task<Result<void>> begin(Session& session);
    // What has happened since. `closed`: the peer is gone.
    Task<Result<void>> tell(Session& session);

private:
    using Group = NotifyArguments::Group;
    using Mailbox = mailbox::Mailbox;

    Group events_of(const Mailbox& mailbox) const;
    const Group* selected_group() const;
    bool asks_for(std::string_view prefix) const;
    bool is_observed(mailbox::AccountId account) const;
    void observe(Session& session, Place place);
    Task<void> observe_all(Session& session);
    Task<void> heed_sharing(Session& session, std::vector<News::Change> changes, bool is_all);
    void watch_selected(Session& session);
    Task<Result<void>> tell_selected(Session& session);
    Task<Result<void>> look_at(Session& session, std::size_t place, bool silently);
    void tell_status(Session& session) const;
    void tell_metadata(Session& session, const std::vector<News::Change>& changes) const;
    void tell_changes(Session& session, Observed& place, std::span<const Mailbox> newest) const;
    void tell_mailbox(Session& session, Observed& place, const Mailbox* before, const Mailbox* now) const;
    void tell_refused(Session& session, Observed& place, const Mailbox& mailbox, bool is_gone) const;

    NotifyArguments arguments_;
    std::vector<Observed> observed_;  // one's own first
    News::Registration registration_;
    std::uint64_t news_told_ = 0;
    mailbox::AccountPtr selected_in_;  // whose the selected mailbox is
    mailbox::Watch selected_watch_;
    mailbox::MailboxId selected_ = 0;  // of which new messages have been told up to
    mailbox::Uid told_up_to_ = 0;  // this UID, exclusive
};

}  // namespace posthouse::imap
