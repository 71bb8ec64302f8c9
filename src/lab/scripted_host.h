// An SMTP server that does what its script says, well-behaved or not: the lab's unhappy hosts.
//
//     auto host = ScriptedHost::start({.name = "full.test", …}, {"127.0.0.12", 2525}, services);
//     …
//     (*host)->stop();  // then the group's wait()
#pragma once

#include "base/log.h"
#include "lab/host_script.h"
#include "net/listener.h"

#include <memory>

namespace posthouse::lab {

struct HostServices {
    Loops& loops;
    net::ConnectionTable& connections;
    Log& log;
    TaskGroup& tasks;
};

// Threads: any. Lifetime: the services outlive it; stop() and tasks.wait() come before it goes.
class ScriptedHost {
public:
    // Port 0: the system chooses. Errors: already_exists (the text says who has the port).
    static Result<std::unique_ptr<ScriptedHost>> start(HostScript script, net::Endpoint at, HostServices services);
    ~ScriptedHost();

    const std::string& name() const { return script_.name; }
    std::uint16_t port() const { return listener_->port(); }
    const HostMemory& memory() const { return memory_; }
    void stop() { listener_->stop(); }

private:
    explicit ScriptedHost(HostScript script) : script_(std::move(script)) { }
    Task<void> serve(net::Wire wire);
    Task<Result<void>> say(net::Wire& wire, std::string text) const;
    Task<void> hold(net::Wire& wire) const;

    const HostScript script_;
    SystemClock clock_;
    HostMemory memory_;
    std::unique_ptr<net::Listener> listener_;
};

}  // namespace posthouse::lab
