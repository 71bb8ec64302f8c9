// The MTA's door to the world, port 25: mail for our domains and existing users, and nothing else.
//
// Everything that can be refused is refused in the session, so no bounce ever goes to somebody who
// did not write (HOSTILE A5). Nobody logs in here.
//
// Threads: any. Lifetime: outlives every session, and its services outlive it.
#pragma once

#include "base/log.h"
#include "base/recorder.h"
#include "directory/directory.h"
#include "smtp/agent.h"
#include "smtp/intake.h"

namespace posthouse::mta::receive {

struct Services {
    directory::Directory& directory;
    smtp::Intake& intake;
    smtp::Quotas& quotas;
    const Clock& clock;
    Recorder& recorder;
    Log& log;
};

struct Settings {
    std::string host_name;
    std::uint64_t most_bytes = 104'857'600;
    std::size_t most_recipients = 1000;
};

class Receive final : public smtp::Door {
public:
    Receive(Services services, Settings settings);

    const smtp::Offer& offer() const override { return offer_; }
    std::string_view room() const override { return "mta/receive"; }
    std::unique_ptr<smtp::Agent> open(const smtp::SessionFacts& facts) override;

private:
    Services services_;
    smtp::Offer offer_;
};

}  // namespace posthouse::mta::receive
