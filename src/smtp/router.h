// Where mail for a domain goes: what relay, queue and explain ask for, and mta/route decides.
//
// The same question is asked for sending and for explaining; whoever wants to know what would
// happen calls route() and connects to nobody.
#pragma once

#include "base/ids.h"
#include "base/task.h"
#include "net/resolver.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posthouse::smtp {

enum class RouteKind : std::uint8_t {
    ours,  // the domain is one of ours: the MDA's
    hosts,  // try `hosts` in order
    deferred,  // not known now (DNS out of reach, bogus): ask again later
    failed,  // never: the sender must be told
};

enum class TlsUse : std::uint8_t {
    none,  // STARTTLS is not used
    opportunistic,  // STARTTLS where offered, with any certificate (RFC 7435)
    required,  // STARTTLS, or nothing is sent
    implicit,  // TLS from the first byte (RFC 8314 section 3.3), as for smarthosts on port 465
};

// One host to try, with the addresses of both families in the order to try them.
struct RouteHost {
    std::string name;  // lower case, without the last dot; for an address literal "[127.0.0.2]"
    std::uint16_t preference = 0;  // of its MX; 0 where there is none
    std::uint16_t port = 25;
    std::vector<std::string> addresses;  // as text, as in net::Endpoint; empty: `note` says why
    bool is_secure = false;  // its addresses are proven by DNSSEC
    std::string note;  // for people: "no address: NXDOMAIN"; empty: all is well
};

// What to say at a smarthost. Never shown, never logged.
struct RouteLogin {
    std::string name;
    std::string password;
};

// One question to the DNS and what came back, for journey and explain.
struct DnsFact {
    std::string question;  // "MX south.test"
    net::LookupStatus status = net::LookupStatus::temporary;
    bool is_secure = false;
    std::vector<std::string> answers;  // "10 mx.south.test"; at most net::most_records
    std::uint32_t ttl = 0;  // seconds
    std::string text;  // why it failed, in words; or the CNAME that was followed
    Duration took{};
};

struct Route {
    RouteKind kind = RouteKind::deferred;
    std::string domain;  // as lower-case A-labels
    std::string destination;  // what Router::destination_of() says
    std::vector<RouteHost> hosts;  // kind hosts: at least one has an address. In order of trying
    TlsUse tls = TlsUse::opportunistic;
    bool verify_certificate = false;  // the certificate must be valid for the host's name
    std::optional<RouteLogin> login;
    bool is_smarthost = false;  // by a stored route, not by MX
    bool mx_is_secure = false;  // the MX records, or their absence, are proven by DNSSEC (RFC 7672 section 2.2.1)
    std::string status;  // RFC 3463, where kind is deferred or failed: "5.1.2"
    std::string reason;  // a sentence for people: the decision and the rule behind it
    std::vector<DnsFact> dns;  // everything that was asked, in order
};

// Threads: any loop. Lifetime: outlives relay and queue.
class Router {
public:
    virtual ~Router() = default;
    // What shares hosts, and so connections, limits and misfortunes: the domain itself, or
    // "smarthost:port" of a stored route. Asks no network.
    virtual Task<std::string> destination_of(std::string domain) = 0;
    // Asks directory and DNS, and tells the Recorder what was decided about `message` (0: nobody's,
    // nothing is told). Hosts and addresses are shuffled anew each time among equals. A bound of its
    // own: it answers within two minutes.
    virtual Task<Route> route(std::string domain, Id message) = 0;
};

}  // namespace posthouse::smtp
