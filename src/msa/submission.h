// The MSA: mail from our own people, ports 587 and 465. Who are you, may you write as this address,
// and is the message one that can be sent on? (RFC 6409)
//
// Threads: any. Lifetime: outlives every session, and its services outlive it.
#pragma once

#include "base/log.h"
#include "base/random.h"
#include "base/recorder.h"
#include "directory/outgoing.h"
#include "directory/sasl.h"
#include "net/listener.h"
#include "smtp/agent.h"
#include "smtp/intake.h"

namespace posthouse::msa {

struct Services {
    directory::Directory& directory;
    directory::Authenticator& authenticator;
    directory::Outgoing& outgoing;
    smtp::Intake& intake;
    smtp::Quotas& quotas;
    net::ConnectionTable& connections;
    const Clock& clock;
    Random& random;
    Recorder& recorder;
    Log& log;
};

struct Settings {
    std::string host_name;
    std::uint64_t most_bytes = 104'857'600;
    std::size_t most_recipients = 1000;
    Duration longest_hold = 30 * 24h;  // RFC 4865; zero: messages are not held
    bool internet = true;  // false: mail stays in the house
};

class Submission final : public smtp::Door {
public:
    Submission(Services services, Settings settings);

    const smtp::Offer& offer() const override { return offer_; }
    std::string_view room() const override { return "msa"; }
    std::unique_ptr<smtp::Agent> open(const smtp::SessionFacts& facts) override;

private:
    Services services_;
    smtp::Offer offer_;
    bool internet_;
};

}  // namespace posthouse::msa
