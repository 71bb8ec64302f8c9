// Asks other houses for journeys: over their Unix socket, or by HTTP.
#pragma once

#include "app/settings.h"
#include "console/trace_peers.h"

namespace posthouse::app {

// Threads: any. Lifetime: the clock outlives it.
class SetTracePeers final : public console::TracePeers {
public:
    // The keys are read here. Errors: not_found, malformed (the text names the file).
    static Result<std::unique_ptr<SetTracePeers>> make(const Settings& settings, const Clock& clock);

    const std::string& own_name() const override { return own_name_; }
    std::string peer_at(std::string_view host) const override;
    std::string key_of(std::string_view peer) const override;
    Task<Result<boost::json::object>> ask(std::string peer, Id message, unsigned depth) override;

private:
    struct Peer {
        TracePeer set;
        std::string key;
    };
    SetTracePeers(std::string own_name, const Clock& clock) : own_name_(std::move(own_name)), clock_(clock) { }
    const Peer* find(std::string_view host) const;

    std::string own_name_;
    const Clock& clock_;
    std::vector<Peer> peers_;
    std::unique_ptr<net::TlsContext> tls_;  // for https
};

}  // namespace posthouse::app
