// An authoritative DNS server for the lab and for tests, over UDP and TCP on one port.
//
//     auto server = DnsServer::start({.address = "127.0.0.1", .port = 5300}, zones, loops, log, tasks);
//     (*server)->set_zones(other_zones);  // answers from the next question on
//     (*server)->stop();                  // then tasks.wait()
#pragma once

#include "base/log.h"
#include "base/task.h"
#include "lab/dns_zones.h"

#include <memory>

namespace posthouse::lab {

struct DnsServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: the system chooses one that is free for both
};

// Threads: any. Lifetime: loops, log and tasks outlive it; stop() and tasks.wait() come before it goes.
class DnsServer {
public:
    // Errors: already_exists (the text says who has the port).
    static Result<std::unique_ptr<DnsServer>> start(DnsServerOptions options, DnsZones zones, Loops& loops, Log& log,
                                                    TaskGroup& tasks);
    ~DnsServer();

    std::uint16_t port() const;
    void set_zones(DnsZones zones);
    // What was asked, "MX south.test", by TCP "MX south.test tcp"; the last 10,000, in order.
    std::vector<std::string> asked() const;
    void stop();

private:
    struct State;
    explicit DnsServer(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace posthouse::lab
