// What a peer's answers mean for each recipient: relayed, deferred or failed, with the status of
// RFC 3463, a sentence for people, and the lines that prove it. Pure.
#pragma once

#include "smtp/relay.h"

#include <string>
#include <vector>

namespace posthouse::mta::relay {

// The host that was talked to, as fates tell of it.
struct Peer {
    std::string name;  // "mx.south.test"
    std::string address;  // "127.0.0.2:2525"; empty: none was reached
    bool tells = false;  // it announced DSN
};

// One for each of `recipients`, in order. `reverse_path` is for the dialogue's lines.
std::vector<smtp::RecipientFate> fates_of(const smtp::Sent& sent, const smtp::Path& reverse_path,
                                          const std::vector<smtp::Recipient>& recipients, const Peer& peer);

// We decided ourselves, before anything was said for this recipient.
smtp::RecipientFate own_fate(smtp::Fate fate, std::string status, std::string reason, const Peer& peer = {});
// The host is of no use now: deferred for its sake. `reply`: its word where it gave one.
smtp::RecipientFate host_fate(std::string status, std::string reason, const Peer& peer, smtp::Reply reply = {});

// The reply says: too many recipients for one transaction, come again with the others (RFC 5321
// section 4.5.3.1.10).
bool is_too_many(const smtp::Reply& reply);
// "queued as ID", "OK id=ID": what the peer calls the message; empty: it does not say.
std::string remote_id(std::string_view text);

}  // namespace posthouse::mta::relay
