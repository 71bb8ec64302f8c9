#include "app/lab_internet.h"

namespace posthouse::app {

namespace {

constexpr int most_tries = 20;  // to find a port that is free everywhere

}  // namespace

LabInternet::LabInternet(Log& log) :
    log_(log), tasks_([&log](std::string_view name, std::string_view what) {
        log.write(LogLevel::error, "lab", 0, "a task ended with a bug",
                  {{"task", std::string(name)}, {"what", std::string(what)}});
    })
{
}

LabInternet::~LabInternet()
{
    if (dns_)
        dns_->stop();
    stop_hosts();
}

void LabInternet::stop_hosts()
{
    for (const auto& host : hosts_)
        host->stop();
    tasks_.wait();
    hosts_.clear();
}

// Port 0: the first host's is the system's choice, and the others take the same.
Result<void> LabInternet::start_hosts(std::uint16_t port)
{
    for (const LabHost& plan : lab_hosts()) {
        if (!plan.script)
            continue;
        auto host = lab::ScriptedHost::start(*plan.script, {std::string(plan.address), port},
                                             {loops_, connections_, log_, tasks_});
        if (!host)
            return fail(host.error());
        port = (*host)->port();
        hosts_.push_back(std::move(*host));
    }
    smtp_port_ = port;
    return {};
}

Result<std::unique_ptr<LabInternet>> LabInternet::start(bool any_ports, Log& log)
{
    auto internet = std::unique_ptr<LabInternet>(new LabInternet(log));
    for (int tries = 1;; ++tries) {
        const Result<void> started = internet->start_hosts(any_ports ? 0 : lab_ports().front().number);
        if (started)
            break;
        internet->stop_hosts();
        if (!any_ports || started.error() != ErrorCode::already_exists || tries == most_tries)
            return fail(started.error());
    }
    auto dns = lab::DnsServer::start({.port = any_ports ? std::uint16_t{0} : lab_dns_port}, lab_zones(),
                                     internet->loops_, log, internet->tasks_);
    if (!dns)
        return fail(dns.error());
    internet->dns_ = std::move(*dns);
    return internet;
}

}  // namespace posthouse::app
