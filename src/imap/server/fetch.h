// Writing one FETCH response. Used by fetch.cc.
#pragma once

#include "imap/server/session.h"

namespace posthouse::imap {

// What the attributes of one FETCH need, found out once.
struct FetchPlan {
    std::vector<FetchAttribute> attributes;
    bool needs_row = false;  // the e-mail's row: envelope, structure, ids, bytes
    bool tells_uid = false;
    bool tells_flags = false;
    bool tells_modseq = false;
    bool sets_seen = false;
    // No more than the entry, the envelope, the thread and the whole message: the row need not be taken apart.
    bool reads_stored = false;
    bool reads_whole = false;  // the message's bytes are among them

    FetchPlan(std::vector<FetchAttribute> asked, bool with_uid, bool with_modseq);
};

// One message as it is being told.
struct FetchedMessage {
    std::uint32_t number = 0;
    mailbox::Entry entry;
    bool is_fresh = false;  // \Seen was set just now: that is told, whatever was asked for
};

// QRESYNC's UID FETCH (UID FLAGS MODSEQ) of what has changed since `modseq`. `closed`: the peer is gone.
Task<Result<void>> tell_changes(Session& session, mailbox::NumberSet positions, mailbox::ModSeq since);

// These attributes of these messages, setting nothing: NOTIFY's MessageNew. `closed`: the peer is gone.
Task<Result<void>> tell_attributes(Session& session, std::vector<FetchAttribute> attributes,
                                   mailbox::NumberSet positions);

// "* n FETCH (…)" of what needs no row.
void write_from_entry(Session& session, const FetchPlan& plan, const FetchedMessage& message);

// The same with the envelope, the thread or the whole message, for plans that read the row as it is stored. `whole`:
// the message, where the plan asks for it. False: the row cannot be read this way, and nothing was written.
bool write_from_stored(Session& session, const FetchPlan& plan, const FetchedMessage& message,
                       const mailbox::StoredEmail& email, std::optional<std::string> whole,
                       message::EnvelopeView& scratch);

// The same of anything. An error before the first byte of the response leaves nothing written and says
// what is wrong with the message; `closed` means that the session cannot go on: the peer is gone, or a
// literal that was announced could not be read to its end.
Task<Result<void>> write_from_row(Session& session, const FetchPlan& plan, FetchedMessage message,
                                  mailbox::Email email);

}  // namespace posthouse::imap
