// What a client has asked to hear of by NOTIFY, and what it has heard. RFC 5465.
//
// Mailboxes are compared as trees (mailbox/mailbox.h): names, subscriptions, counts. The selected one is told by
// view.h as ever, only without waiting for a command.
#pragma once

#include "imap/grammar/arguments.h"
#include "imap/server/metadata_news.h"
#include "mailbox/mailbox.h"

namespace posthouse::imap {

class Session;

class Notifier {
public:
    // Wakes the session's wire from now on.
    Notifier(Session& session, NotifyArguments arguments, mailbox::MailboxTreePtr tree);

    // NOTIFY SET STATUS: how the mailboxes are that messages will be told of.
    void tell_status(Session& session) const;
    // What has happened since. `closed`: the peer is gone.
    Task<Result<void>> tell(Session& session);

private:
    using Group = NotifyArguments::Group;

    Group events_of(const mailbox::Mailbox& mailbox) const;
    const Group* selected_group() const;
    Task<Result<void>> tell_selected(Session& session);
    void tell_tree(Session& session, const mailbox::MailboxTree& newest) const;
    void tell_metadata(Session& session);
    void tell_mailbox(Session& session, const mailbox::Mailbox* before, const mailbox::Mailbox* now) const;

    NotifyArguments arguments_;
    mailbox::MailboxTreePtr told_;
    mailbox::Watch watch_;
    MetadataNews::Registration registration_;
    std::uint64_t news_told_ = 0;
    mailbox::MailboxId selected_ = 0;  // of which new messages have been told up to
    mailbox::Uid told_up_to_ = 0;  // this UID, exclusive
};

}  // namespace posthouse::imap
