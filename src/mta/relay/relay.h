// Carries messages to other hosts: the Carrier that the queue asks.
//
// Threads: any loop; a destination's shipments are carried on the one loop where it lives. Lifetime:
// services outlive it; stop() comes before the loops end and before it goes.
#pragma once

#include "base/keyed_hash.h"
#include "base/log.h"
#include "mta/relay/voyage.h"

namespace posthouse::mta::relay {

struct Services {
    smtp::Router& router;
    Loops& loops;
    const Clock& clock;
    Random& random;
    IdSource& ids;
    Recorder& recorder;
    Log& log;
    const net::TlsContext& any_certificate;  // TlsContext::client(Verify::no)
    const net::TlsContext& good_certificate;  // TlsContext::client(Verify::yes)
};

struct Settings {
    ApproachSettings approach;
    VoyageSettings voyage;
    PoolSettings pool;
};

class Relay final : public smtp::Carrier {
public:
    Relay(Services services, Settings settings);
    ~Relay() override;  // waits until every connection has ended

    Task<std::string> destination_of(std::string domain) override;
    Task<std::vector<smtp::RecipientFate>> carry(smtp::Shipment shipment) override;

    // What is under way gets its grace, and is deferred then; what comes now is deferred at once.
    void stop();

private:
    Task<std::vector<smtp::RecipientFate>> carry_here(Pool& pool, smtp::Shipment shipment);

    Services services_;
    const Settings settings_;
    Misfortunes misfortunes_;
    ApproachServices approach_services_;
    TaskGroup tasks_;
    KeyedHash hash_;
    std::vector<std::unique_ptr<Pool>> pools_;  // one for each loop
};

}  // namespace posthouse::mta::relay
