// What one session has been told of its mailbox, and how it is brought up to date.
//
// Two pointers to immutable snapshots: `numbering` says what the client's sequence numbers mean,
// `told` which flags it knows. Nothing is kept per message. Comparing two snapshots skips every block
// of 128 UIDs that both share, so an update costs what has changed.
//
// RFC 3501 section 7.4.1: an EXPUNGE must not come while FETCH, STORE or SEARCH is answered. While
// expunges are held back, new messages are as well (their numbers would not be right); flags are told.
#pragma once

#include "imap/grammar/sequence_set.h"
#include "imap/grammar/serializer.h"
#include "imap/server/allowance.h"
#include "imap/server/recent.h"
#include "mailbox/mailbox.h"

#include <functional>
#include <optional>

namespace posthouse::imap {

struct View {
    mailbox::AccountPtr account;  // whose it is: another's, where a mailbox is shared
    mailbox::MailboxId mailbox = 0;
    bool read_only = false;
    mailbox::Rights rights = mailbox::Rights::all();  // as they were when it was opened
    mailbox::SnapshotPtr numbering;
    mailbox::SnapshotPtr told;
    RecentUids recent;  // RFC 3501 section 2.3.2: who has seen it first
    mailbox::NumberSet saved;  // `$`: UIDs that SEARCH RETURN (SAVE) has found (RFC 5182)
    // RFC 10022: 100 commands walk through ten million messages by the largest ranges that are told.
    Allowance uid_batches = Allowance(200, 10s);

    std::uint32_t size() const { return numbering->size(); }
};

enum class Expunges { held_back, told };

// How a client wants to hear of its mailbox, by what it has switched on with ENABLE.
struct Dialect {
    bool modseq = false;  // RFC 7162: CONDSTORE; with the UID (section 3.2.4)
    bool vanished = false;  // VANISHED for EXPUNGE: QRESYNC, UIDONLY
    bool uid_only = false;  // RFC 9586: UIDFETCH for FETCH
    bool recent = true;  // not in IMAP4rev2, which knows no \Recent
};

// What a command wants of the update that ends it.
struct UpdateOptions {
    Expunges expunges = Expunges::told;
    Dialect dialect;
    bool with_uid = false;  // although the dialect does not ask for it
    // FETCH tells the flags of these itself.
    const mailbox::NumberSet* skip = nullptr;
    // STORE: these messages get a FETCH whether or not their flags have changed …
    const mailbox::NumberSet* echo = nullptr;
    // … or, with .SILENT, none if their flags are what the client expects after its own change.
    const mailbox::NumberSet* silent = nullptr;
    std::function<mailbox::FlagBits(mailbox::FlagBits)> expected = {};
};

// Writes EXPUNGE, EXISTS, RECENT, FLAGS and FETCH responses, and moves `view` to `newest`.
void update(View& view, const mailbox::SnapshotPtr& newest, RecentClaims& claims, const UpdateOptions& options,
            Serializer& out);

// EXISTS and RECENT of what the numbers mean now. What nobody has claimed yet becomes recent in `view`.
void write_exists(Serializer& out, View& view, RecentClaims& claims, const Dialect& dialect);

// "(\Seen \Recent)": one message's flags as the session sees them.
void write_flags(Serializer& out, const mailbox::Entry& entry, const mailbox::KeywordTable& keywords, bool is_recent);
// "* FLAGS (…)" and, behind SELECT too, "* OK [PERMANENTFLAGS (…)]".
void write_flag_lists(Serializer& out, const mailbox::KeywordTable& keywords, const View& view);

// The UIDs of `before` that `after` has no more; those of `after` that are new or changed.
mailbox::NumberSet vanished_uids(const mailbox::Snapshot& before, const mailbox::Snapshot& after);
mailbox::NumberSet changed_uids(const mailbox::Snapshot& before, const mailbox::Snapshot& after);

// "* 3 FETCH (", or "* 4711 UIDFETCH (" (RFC 9586).
void begin_fetch(Serializer& out, std::uint32_t number, mailbox::Uid uid, const Dialect& dialect);
// "* VANISHED (EARLIER) 1:3": RFC 7162 section 3.2.10. Nothing for an empty set.
enum class When { now, earlier };
void write_vanished(Serializer& out, const mailbox::NumberSet& uids, When when);

// The positions (from 0) in `numbering` that a set names, as ranges of position + 1. UIDs that are not
// there are left out (RFC 3501 section 6.4.8); nullopt: a sequence number beyond the mailbox (BAD).
std::optional<mailbox::NumberSet> positions_of(const mailbox::Snapshot& numbering, const SequenceSet& set, bool by_uid,
                                               const mailbox::NumberSet& saved);
// Of sequence numbers those that there are: SEARCH takes a range beyond the mailbox (RFC 7377 section 2).
mailbox::NumberSet positions_there(const mailbox::Snapshot& numbering, const SequenceSet& set,
                                   const mailbox::NumberSet& saved);
std::optional<mailbox::NumberSet> positions_of(const View& view, const SequenceSet& set, bool by_uid);
// The same for UIDs that are a set already.
mailbox::NumberSet positions_of_uids(const mailbox::Snapshot& numbering, const mailbox::NumberSet& uids);
// What is in both.
mailbox::NumberSet intersection(const mailbox::NumberSet& left, const mailbox::NumberSet& right);
mailbox::NumberSet without(const mailbox::NumberSet& set, const mailbox::NumberSet& gone);
// For VANISHED (EARLIER): those of `gone` that a UID set names, without what the client has yet to hear of by a
// VANISHED that counts (RFC 7162 section 3.2.10).
mailbox::NumberSet gone_earlier(const View& view, const mailbox::NumberSet& gone, const SequenceSet& set);
// Those of `uids` that a UID set names, `*` being the last UID given out.
mailbox::NumberSet within(const mailbox::NumberSet& uids, const SequenceSet& set, mailbox::Uid uid_next);
// The UIDs at these positions, as few ranges as can be.
mailbox::NumberSet uids_at(const mailbox::Snapshot& numbering, const mailbox::NumberSet& positions);

}  // namespace posthouse::imap
