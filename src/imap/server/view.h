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
#include "imap/server/recent.h"
#include "mailbox/types.h"

#include <functional>
#include <optional>

namespace posthouse::imap {

struct View {
    mailbox::MailboxId mailbox = 0;
    bool read_only = false;
    mailbox::SnapshotPtr numbering;
    mailbox::SnapshotPtr told;
    RecentUids recent;  // RFC 3501 section 2.3.2: who has seen it first

    std::uint32_t size() const { return numbering->size(); }
};

enum class Expunges { held_back, told };

// What a command wants of the update that ends it.
struct UpdateOptions {
    Expunges expunges = Expunges::told;
    bool with_modseq = false;  // RFC 7162: CONDSTORE is enabled
    bool with_uid = false;
    // FETCH tells the flags of these itself.
    const mailbox::NumberSet* skip = nullptr;
    // STORE: these messages get a FETCH whether or not their flags have changed …
    const mailbox::NumberSet* echo = nullptr;
    // … or, with .SILENT, none if their flags are what the client expects after its own change.
    const mailbox::NumberSet* silent = nullptr;
    std::function<mailbox::FlagBits(mailbox::FlagBits)> expected = {};
};

// Writes EXPUNGE, EXISTS, RECENT, FLAGS and FETCH responses, and moves `view` to `newest`.
void update(View& view, const mailbox::SnapshotPtr& newest, RecentClaims& claims, mailbox::AccountId account,
            const UpdateOptions& options, Serializer& out);

// EXISTS and RECENT of what the numbers mean now. What nobody has claimed yet becomes recent in `view`.
void write_exists(Serializer& out, View& view, RecentClaims& claims, mailbox::AccountId account);

// "(\Seen \Recent)": one message's flags as the session sees them.
void write_flags(Serializer& out, const mailbox::Entry& entry, const mailbox::KeywordTable& keywords, bool is_recent);
// "* FLAGS (…)" and, behind SELECT too, "* OK [PERMANENTFLAGS (…)]".
void write_flag_lists(Serializer& out, const mailbox::KeywordTable& keywords, bool read_only);

// The positions (from 0) in `numbering` that a set names, as ranges of position + 1. UIDs that are not
// there are left out (RFC 3501 section 6.4.8); nullopt: a sequence number beyond the mailbox (BAD).
std::optional<mailbox::NumberSet> positions_of(const mailbox::Snapshot& numbering, const SequenceSet& set, bool by_uid);
// The UIDs at these positions, as few ranges as can be.
mailbox::NumberSet uids_at(const mailbox::Snapshot& numbering, const mailbox::NumberSet& positions);

}  // namespace posthouse::imap
