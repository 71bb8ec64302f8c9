// Houses that share a key with ours and show each other the journeys of messages that pass between
// them. The roof knows how to reach them (app/trace_peers.h); the API asks and answers.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"

#include <boost/json.hpp>

namespace posthouse::console {

class TracePeers {
public:
    virtual ~TracePeers() = default;
    // The name our house goes by towards them.
    virtual const std::string& own_name() const = 0;
    // The peer that a message was handed to at this host; empty: none.
    virtual std::string peer_at(std::string_view host) const = 0;
    // The key shared with a peer; empty: none.
    virtual std::string key_of(std::string_view peer) const = 0;
    // The journey of a message there; bounded in time and size. What comes back is the peer's word: its texts are
    // made printable, its shape is for the caller to doubt.
    virtual Task<Result<boost::json::object>> ask(std::string peer, Id message, unsigned depth) = 0;
};

}  // namespace posthouse::console
