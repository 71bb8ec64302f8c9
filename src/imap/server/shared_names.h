// Mailboxes that others share: "shared/alice@north.test/lists/cpp" is Alice's "lists/cpp". RFC 2342, RFC 4314.
#pragma once

#include "imap/server/session.h"

namespace posthouse::imap {

inline constexpr std::string_view shared_prefix = "shared/";
static_assert(shared_prefix.substr(0, shared_prefix.size() - 1) == mailbox::shared_namespace);

// Where a name leads: into one's own account, or another's.
struct Place {
    mailbox::AccountPtr account;
    std::string prefix;  // of its names, as this client sees them; empty: one's own
    std::string name;  // within the account
};
// not_found: nobody of that address, or nothing is shared.
Task<Result<Place>> place_of(Session& session, std::string name);
// What this one shares. not_found: nothing, or it is oneself.
Task<Result<Place>> place_of(Session& session, mailbox::AccountId owner);
// One's own account first, then all who share something. Names are empty.
Task<std::vector<Place>> all_places(Session& session);

}  // namespace posthouse::imap
