// What the console asks of the queue; the roof puts the queue behind it.
//
// Ids are texts as people type them; times are RFC 3339. Errors: not_found (no such item, no such policy),
// malformed (the text says what), not_permitted (it is not the account's mail).
//
// Threads: any. Lifetime: outlives the API.
#pragma once

#include "base/result.h"
#include "base/task.h"

#include <boost/json.hpp>

namespace posthouse::console {

class QueueDesk {
public:
    virtual ~QueueDesk() = default;
    // What waits, by destination and reason: {groups: [{domain, destination, reason, entries, messages, oldest,
    // next, held}]}. Domain empty: of all.
    virtual Task<Result<boost::json::object>> list(std::string domain) = 0;
    // Items, the oldest first within each part of the queue: {items: […]}, at most `most`.
    virtual Task<Result<boost::json::object>> items(std::string domain, std::size_t most) = 0;
    virtual Task<Result<boost::json::object>> show(std::string id) = 0;
    // retry, hold, release, fail, drop: to an item (or what of it is for a domain), a domain, or all. `account`:
    // on behalf of whom; then only an item of his own. {entries: how many}.
    struct Act {
        std::string action;
        std::string id;
        std::string domain;
        bool all = false;
        std::string account;
    };
    virtual Task<Result<boost::json::object>> act(Act act) = 0;
    // Where each waiting domain goes, and why: {routes: […]}.
    virtual Task<Result<boost::json::object>> routes() = 0;
    // {policies: [{domain, retry: [seconds], warnAfter, giveUpAfter, connections, perMinute}]}
    virtual Task<Result<boost::json::object>> policies() = 0;
    virtual Task<Result<boost::json::object>> set_policy(std::string domain, boost::json::object policy) = 0;
    virtual Task<Result<boost::json::object>> remove_policy(std::string domain) = 0;
};

}  // namespace posthouse::console
