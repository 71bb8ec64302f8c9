// What it costs to carry a message out: shipments of 10 KiB to a host, by mta/relay alone.
//
//     relay_bench PORT [MESSAGES [AT ONCE]]      the host listens on 127.0.0.1: smtp-sink, a Posthouse …
#include "mta/relay/relay.h"

#include <cstdio>
#include <cstdlib>
#include <latch>

#include <sys/resource.h>

using namespace posthouse;
using namespace posthouse::mta::relay;

namespace {

struct OneHost final : smtp::Router {
    explicit OneHost(std::uint16_t port)
    {
        route_.kind = smtp::RouteKind::hosts;
        route_.tls = smtp::TlsUse::none;
        route_.hosts.push_back({.name = "sink.test", .port = port, .addresses = {"127.0.0.1"}});
    }
    Task<std::string> destination_of(std::string domain) override { co_return domain; }
    Task<smtp::Route> route(std::string, Id) override { co_return route_; }
    smtp::Route route_;
};

double cpu_seconds()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](timeval time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Task<void> carry_some(Relay& relay, std::atomic<long>& left, std::atomic<long>& failed, std::string text,
                      std::latch& done)
{
    while (left.fetch_sub(1) > 0) {
        smtp::Shipment shipment{.message = 1, .domain = "sink.test", .size = text.size()};
        shipment.envelope.reverse_path = {"alice", "north.test"};
        shipment.envelope.recipients.push_back({{"bob", "sink.test"}});
        shipment.content = [&text] { return std::make_unique<smtp::TextSource>(text); };
        const std::vector<smtp::RecipientFate> fates = co_await relay.carry(std::move(shipment));
        if (fates.at(0).fate != smtp::Fate::relayed && failed.fetch_add(1) == 0)
            std::fprintf(stderr, "%s\n", fates[0].reason.c_str());
    }
    done.count_down();
}

}  // namespace

int main(int count, char** words)
{
    if (count < 2)
        return std::fprintf(stderr, "relay_bench PORT [MESSAGES [AT ONCE]]\n"), 64;
    const long messages = count > 2 ? std::atol(words[2]) : 20'000;
    const int at_once = count > 3 ? std::atoi(words[3]) : 20;
    std::string text = "From: alice@north.test\r\nTo: bob@sink.test\r\nSubject: bench\r\n\r\n";
    while (text.size() < 10'240)
        text += std::string(70, 'x') + "\r\n";

    SystemClock clock;
    SystemRandom random;
    IdSource ids{clock, random};
    NoRecorder recorder;
    NoLog log;
    OneHost router(static_cast<std::uint16_t>(std::atoi(words[1])));
    const auto tls = std::move(*net::TlsContext::client(net::TlsContext::Verify::no));
    Loops loops(2);
    {
        Relay relay({router, loops, clock, random, ids, recorder, log, *tls, *tls},
                    {.approach = {.host_name = "north.test"}});
        TaskGroup tasks([](std::string_view, std::string_view what) {
            std::fprintf(stderr, "%.*s\n", int(what.size()), what.data());
        });
        std::atomic<long> left = messages;
        std::atomic<long> failed = 0;
        std::latch done(at_once);
        const double cpu_before = cpu_seconds();
        const SteadyTime before = clock.steady();
        for (int i = 0; i < at_once; ++i)
            tasks.spawn(loops[static_cast<std::size_t>(i)], "carry", carry_some(relay, left, failed, text, done));
        done.wait();
        const double wall = std::chrono::duration<double>(clock.steady() - before).count();
        const double cpu = cpu_seconds() - cpu_before;
        std::printf("%ld messages, %ld failed: %.0f a second, %.3f ms of CPU each\n", messages, failed.load(),
                    static_cast<double>(messages) / wall, cpu * 1000 / static_cast<double>(messages));
        tasks.wait();
    }
    return 0;
}
