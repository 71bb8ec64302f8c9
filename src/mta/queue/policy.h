// How long and how often a domain's mail is tried, and how much goes there at once. Data in the store,
// by domain; what has no row of its own goes by the row "*", or by the defaults here.
//
// Threads: any. Lifetime: store and clock outlive it.
#pragma once

#include "base/random.h"
#include "mta/queue/rows.h"

#include <map>
#include <mutex>

namespace posthouse::mta::queue {

// RFC 5321 section 4.5.4.1: at least 30 minutes between later attempts, for 4 to 5 days.
struct Policy {
    std::vector<Duration> retry{1min, 5min, 15min, 30min, 1h, 2h, 4h};  // the last one repeats
    Duration warn_after = 4h;  // a delay notice, once; 0: none
    Duration give_up_after = 120h;
    unsigned connections = 10;  // shipments at once
    unsigned per_minute = 0;  // messages; 0: no limit

    // Before the attempt behind this many.
    Duration delay_after(std::uint32_t attempts) const;
    friend bool operator==(const Policy&, const Policy&) = default;
};

// What is wrong with it, as a sentence; nullopt: nothing.
std::optional<std::string> fault_of(const Policy& policy);
std::string write_policy(const Policy& policy);
Result<Policy> read_policy(std::string_view value);

// A tenth more or less, so that what failed together does not come again together.
Duration with_jitter(Duration duration, Random& random);

class Policies {
public:
    Policies(store::Store& store, IdSource& ids, const Clock& clock) : store_(store), ids_(ids), clock_(clock) { }

    Task<Result<void>> load();
    std::shared_ptr<const Policy> of(std::string_view domain) const;
    // nullopt: back to everybody's. Domain "*": everybody's. Errors: malformed (the text says why).
    Task<Result<void>> set(std::string domain, std::optional<Policy> policy);
    std::vector<std::pair<std::string, Policy>> all() const;

private:
    store::Store& store_;
    IdSource& ids_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const Policy>, std::less<>> rows_;
    std::shared_ptr<const Policy> usual_ = std::make_shared<const Policy>();
};

}  // namespace posthouse::mta::queue
