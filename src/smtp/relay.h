// Carrying a message to other hosts: what the queue asks for, and mta/relay does.
//
// Threads: any loop. Lifetime: a Carrier outlives the queue.
#pragma once

#include "smtp/client.h"

#include <functional>

namespace posthouse::smtp {

enum class Fate : std::uint8_t {
    relayed,  // the next host answered 2xx to the end of the message: it is theirs now
    deferred,  // try again later
    failed,  // never: the sender must be told
};

// What became of one recipient, and what proves it.
struct RecipientFate {
    Fate fate = Fate::deferred;
    std::string status;  // RFC 3463, "5.1.1": the peer's own where it gave one
    Reply reply;  // the peer's answer that decided; code 0: nobody answered, we decided ourselves
    std::string remote_mta;  // "mx.south.test"; empty: no host was reached
    std::string remote_address;  // "127.0.0.2:2525"
    std::string reason;  // a sentence for people: "mx.south.test does not answer: connection refused"
    std::vector<std::string> dialogue;  // lines that prove it, "C: RCPT TO:<x@y>", "S: 550 …"; at most 10
    bool peer_tells = false;  // relayed to a host that announces DSN: success is its to report (RFC 3461 section 5.2.2)
    bool host_failed = false;  // deferred for the host's sake: whoever else goes there need not be tried now
    bool in_doubt = false;  // all was sent and no answer came: it may arrive twice
    std::string remote_id;  // "queued as ID" of the peer's 250, where it says one
};

// One message and those of its recipients that go the same way.
struct Shipment {
    Id message = 0;  // the queue's item
    std::string domain;  // where the recipients live; with a smarthost for several domains, the first one's
    Envelope envelope;  // these recipients only, at most Carrier::most_recipients
    std::uint64_t size = 0;
    bool eight_bit = false;  // the content has bytes over 127
    bool utf8_header = false;  // its header has (RFC 6532)
    // The content from its start; opened again for each host that is tried. Empty function: none.
    std::function<std::unique_ptr<MessageSource>()> content;
};

class Carrier {
public:
    static constexpr std::size_t most_recipients = 100;  // RFC 5321 section 4.5.3.1.8

    virtual ~Carrier() = default;
    // What shares hosts, and so connections, limits and misfortunes: the domain itself, or
    // "smarthost:port". Asks no network.
    virtual Task<std::string> destination_of(std::string domain) = 0;
    // Tries the hosts of the domain in order. One fate a recipient, in order.
    virtual Task<std::vector<RecipientFate>> carry(Shipment shipment) = 0;
};

}  // namespace posthouse::smtp
