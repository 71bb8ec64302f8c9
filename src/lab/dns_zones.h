// What the lab's DNS knows, as plain structs, and what it answers. Pure.
//
//     DnsZones zones{.origins = {"test", "127.in-addr.arpa"}};
//     zones.names["south.test"].mx = {{10, "mx.south.test"}};
//     zones.add_host("mx.south.test", "127.0.0.2");  // its address, and its name for the address
//     zones.names["*.down.test"].v4 = {"127.0.0.9"};  // RFC 4592: whatever is not named otherwise
//     zones.names["slow.test"].fault = DnsFault::silent;  // and all names below it
//
// Names are in lower case without the last dot. A name below an origin that stands nowhere is
// NXDOMAIN; a name below no origin is REFUSED.
#pragma once

#include "base/time.h"
#include "lab/dns_message.h"

#include <map>

namespace posthouse::lab {

// What the server does wrong, to learn and to test with.
enum class DnsFault : std::uint8_t {
    none,
    silent,  // never answers
    server_failure,  // SERVFAIL
    refused,  // REFUSED
    truncated,  // over UDP says "too long" and nothing else: the asker must come by TCP
    wrong_id,  // answers a question that was not asked
    garbage,  // answers with bytes that are no DNS message
};

struct DnsName {
    std::vector<std::string> v4;
    std::vector<std::string> v6;
    std::vector<net::MxRecord> mx;
    std::vector<std::string> txt;
    std::vector<net::TlsaRecord> tlsa;
    std::vector<std::string> ptr;
    std::vector<std::string> ns;
    std::string cname;  // then nothing else (RFC 1034 section 3.6.2)
    DnsFault fault = DnsFault::none;  // for the names below it too
    Duration delay{};  // of each answer, the names below it too; at most 30 s
};

struct DnsZones {
    std::vector<std::string> origins;  // what is known with authority; "" for everything
    std::map<std::string, DnsName> names;
    std::uint32_t ttl = 60;  // seconds, of each record and of each "no"

    void add_host(const std::string& name, const std::string& address);
    // How a question is treated: by the name itself or by what it lies below.
    struct Treatment {
        DnsFault fault = DnsFault::none;
        Duration delay{};
    };
    Treatment treatment_of(std::string_view name) const;
};

// The answer to a question, with all records it takes, whatever its size.
DnsMessage answer(const DnsZones& zones, const DnsMessage& query);

}  // namespace posthouse::lab
