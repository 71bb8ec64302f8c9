// Which of the messages that a command names it goes through: PARTIAL (RFC 9394) and MESSAGELIMIT (RFC 9738).
//
// The newest of them are gone through, up to as many as the operator has allowed. Without a limit everything that is
// named is handed on as it came.
#pragma once

#include "imap/server/search_match.h"
#include "imap/server/session.h"

namespace posthouse::imap {

struct Portion {
    mailbox::NumberSet positions;  // each + 1
    // Where there were more: the UID of the first that is left, below which the client has to ask again.
    std::optional<mailbox::Uid> lowest = {};
};

inline bool is_too_much(const Session& session, std::uint64_t messages)
{
    const std::uint32_t most = session.options().message_limit;
    return most != 0 && messages > most;
}
inline bool is_too_much(const Session& session, const mailbox::NumberSet& messages)
{
    return session.options().message_limit != 0 && is_too_much(session, messages.count());
}

// Of messages of the selected mailbox.
Portion allowed(Session& session, mailbox::NumberSet positions);
// Of those that a search of it looks at. Section 3.1: the searched count, and not the found.
Portion searched(Session& session, const SearchProgram& program, const SearchScope& scope);
// All that a search looks at: with a limit those alone that the sets in its program let fit.
mailbox::NumberSet looked_at(const Session& session, const SearchProgram& program, const SearchScope& scope);

// `[MESSAGELIMIT 1000 23221]` for what has left something out: in the reply, or before it where the reply has another
// code (section 3.1 has that for EXPUNGEISSUED).
Reply limited(Session& session, Reply reply, const Portion& portion);
// Nothing was done, for it is all or nothing.
Reply refused_as_too_many(const Session& session, std::optional<mailbox::Uid> lowest = {});

// The n-th to m-th of these positions, or so counted from the end: RFC 9394 section 3.3.
mailbox::NumberSet windowed(const mailbox::NumberSet& positions, const PartialRange& window);
// Those of which this is so, as they are in `newest`.
template <class Fits>
mailbox::NumberSet those_that(const mailbox::NumberSet& positions, const mailbox::Snapshot& numbering,
                              const mailbox::Snapshot& newest, Fits fits)
{
    mailbox::NumberSet found;
    for (const auto& range : positions.ranges())
        for (std::uint32_t at = range.first - 1; at < range.last; ++at) {
            const mailbox::Entry* entry = newest.find(numbering.at(at).uid);
            if (entry != nullptr && fits(*entry))
                found.add(at + 1);
        }
    return found;
}
// One by one, the highest first: section 3.1 wants that order of what is cut off.
std::vector<mailbox::NumberRange> falling(const mailbox::NumberSet& positions);

}  // namespace posthouse::imap
