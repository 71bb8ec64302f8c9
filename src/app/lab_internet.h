// The Internet between the lab's houses: its DNS and its unhappy hosts, listening.
#pragma once

#include "app/lab_plan.h"
#include "lab/dns_server.h"
#include "lab/scripted_host.h"

#include <memory>
#include <vector>

namespace posthouse::app {

// Threads: made and destroyed by the main thread. Lifetime: the log outlives it.
class LabInternet {
public:
    // All hosts listen on one port, as mail servers do; with `any_ports` on one that is free on all their
    // addresses, and on the houses'. Errors: already_exists (the text says who has a port).
    static Result<std::unique_ptr<LabInternet>> start(bool any_ports, Log& log);
    ~LabInternet();  // stops

    std::uint16_t smtp_port() const { return smtp_port_; }
    std::uint16_t dns_port() const { return dns_->port(); }

private:
    explicit LabInternet(Log& log);
    Result<void> start_hosts(std::uint16_t port);
    void stop_hosts();

    Log& log_;
    Loops loops_{1};
    net::ConnectionTable connections_{{}};
    TaskGroup tasks_;
    std::uint16_t smtp_port_ = 0;
    std::unique_ptr<lab::DnsServer> dns_;
    std::vector<std::unique_ptr<lab::ScriptedHost>> hosts_;
};

}  // namespace posthouse::app
