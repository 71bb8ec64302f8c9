// The Resolver by libunbound: it resolves by itself, validates DNSSEC, and caches.
//
// libunbound works on a thread of its own; a second one waits for its answers and gives them to the
// askers. Before it stands a cache of what was answered lately, so that a hundred mails to one domain
// cost one question. Equal questions under way are asked once. A failure is remembered for 5 s
// (RFC 9520 section 3.2), everything else as long as its TTL says, at most an hour.
//
// Threads: any loop. Lifetime: clock, random and log outlive it; whoever waits for an answer when it
// goes is told `temporary`, and his loop must still be there.
#pragma once

#include "base/log.h"
#include "base/random.h"
#include "net/dns_record.h"
#include "net/wire.h"

#include <memory>

namespace posthouse::net {

struct ResolverOptions {
    // Whom to ask: these (they resolve for us), those of /etc/resolv.conf, or, without either, the
    // servers of the whole tree, from the root on.
    std::vector<Endpoint> forwarders;
    bool ask_system = false;
    // A zone and the server that has it, whatever the rest of the tree says (the lab's `test`).
    struct Stub {
        std::string zone;
        Endpoint server;
    };
    std::vector<Stub> stubs;
    // What DNSSEC proofs begin with: empty for the root's keys as of 2026, "none" for no validation, else
    // a file of DS or DNSKEY records.
    std::string trust_anchor;
    std::size_t most_at_once = 2'000;  // questions under way; more wait their turn until their deadline
    std::size_t cache_bytes = 16 * 1024 * 1024;
};

class UnboundResolver final : public Resolver {
public:
    // Errors: malformed (an option libunbound does not take, a trust anchor that cannot be read), unavailable.
    static Result<std::unique_ptr<UnboundResolver>> open(const ResolverOptions& options, const Clock& clock,
                                                         Random& random, Log& log);
    ~UnboundResolver() override;
    // Whoever waits, or asks from here on, is told `temporary` at once. Any thread.
    void stop();

    Task<Lookup<MxRecord>> mx(std::string name, Deadline deadline) override;
    Task<Lookup<std::string>> addresses(std::string name, IpFamily family, Deadline deadline) override;
    Task<Lookup<std::string>> txt(std::string name, Deadline deadline) override;
    Task<Lookup<TlsaRecord>> tlsa(std::string name, Deadline deadline) override;
    Task<Lookup<std::string>> names(std::string address, Deadline deadline) override;

    struct State;

private:
    explicit UnboundResolver(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace posthouse::net
