// What one decision asks the DNS, written down as it goes: the facts stand in the Route, for journey
// and explain.
#pragma once

#include "smtp/router.h"

namespace posthouse::mta::route {

struct HostAddresses {
    std::vector<std::string> v6;
    std::vector<std::string> v4;
    bool is_secure = false;
    net::LookupStatus status = net::LookupStatus::temporary;  // found where any is; temporary where one may yet come
    std::string why_none;  // for people
    std::vector<smtp::DnsFact> facts;
};

// Threads: one task's. Lifetime: a local of the task that asks; resolver and clock outlive it.
class Questions {
public:
    Questions(net::Resolver& resolver, const Clock& clock, Deadline deadline) :
        resolver_(resolver), clock_(clock), deadline_(deadline)
    {
    }

    Task<net::Lookup<net::MxRecord>> mx(std::string domain);
    // Of all hosts at once, each in both families.
    Task<std::vector<HostAddresses>> addresses(std::vector<std::string> hosts);
    std::vector<smtp::DnsFact> take_facts() { return std::move(facts_); }

private:
    Task<HostAddresses> addresses_of(std::string host);

    net::Resolver& resolver_;
    const Clock& clock_;
    Deadline deadline_;
    std::vector<smtp::DnsFact> facts_;
};

std::string_view word_for(net::LookupStatus status);  // "found", "no such name", …

}  // namespace posthouse::mta::route
