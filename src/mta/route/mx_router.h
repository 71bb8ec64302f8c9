// Where mail for a domain goes: ours, a stored route, or the hosts its MX records name (RFC 5321
// section 5.1, RFC 7505, RFC 2181 section 10.3).
//
// The order of the rules, the first that fits decides:
//   1. an address literal: that address
//   2. no domain name: 5.1.2
//   3. one of our domains: the MDA
//   4. a stored route, the domain's own or that for all: its host
//   5. internet = false: 5.1.2, nothing leaves the house
//   6. MX: null MX 5.1.10; hosts of equal or worse preference than ourselves dropped, none left 5.4.6;
//      no host with an address 5.4.4, or 4.4.3 where one may yet be found
//   7. no MX: the domain's own address as a host; none: 5.1.2
//   8. no such domain: 5.1.2. No answer, or a forged one: 4.4.3
#pragma once

#include "base/log.h"
#include "base/random.h"
#include "base/recorder.h"
#include "directory/directory.h"
#include "directory/routes.h"
#include "mta/route/ourselves.h"
#include "mta/route/questions.h"

namespace posthouse::mta::route {

struct Services {
    directory::Directory& directory;
    directory::Routes& routes;
    net::Resolver& resolver;
    const Clock& clock;
    Random& random;
    Recorder& recorder;
};

struct Settings {
    Ourselves ourselves;
    std::uint16_t relay_port = 25;  // MX names no port
    bool internet = true;
    Duration patience = 60s;  // for one decision
};

// Threads: any. Lifetime: the services outlive it.
class MxRouter final : public smtp::Router {
public:
    MxRouter(Services services, Settings settings) : services_(services), settings_(std::move(settings)) { }

    Task<std::string> destination_of(std::string domain) override;
    Task<smtp::Route> route(std::string domain, Id message) override;

private:
    Task<smtp::Route> decide(std::string domain, Questions& questions);
    Task<smtp::Route> by_stored(directory::StoredRoute stored, std::string domain, Questions& questions);
    Task<smtp::Route> by_mx(std::string domain, Questions& questions);
    Task<smtp::Route> by_hosts(std::string domain, net::Lookup<net::MxRecord> mx, Questions& questions);
    Task<smtp::Route> by_own_address(std::string domain, net::Lookup<net::MxRecord> mx, Questions& questions);
    smtp::Route by_literal(const std::string& domain) const;

    smtp::RouteHost host_of(std::string name, std::uint16_t preference, std::uint16_t port, HostAddresses addresses);
    bool leads_to_us(const smtp::RouteHost& host) const;
    template <class T> void shuffle(std::vector<T>& items);
    void tell(const smtp::Route& route, Id message) const;

    Services services_;
    Settings settings_;
};

}  // namespace posthouse::mta::route
