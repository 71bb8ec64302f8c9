#include "lab/dns_server.h"

#include "net/datagram.h"
#include "net/listener.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

#include <fmt/format.h>

namespace posthouse::lab {

namespace {

constexpr unsigned port_tries = 20;  // for a number that is free for UDP and for TCP
constexpr std::size_t most_asked = 10'000;
constexpr Duration longest_delay = 30s;
constexpr Duration delay_step = 20ms;  // between looks whether we are stopping
constexpr Duration connection_patience = 10s;
constexpr net::ConnectionLimits connections{.per_address = 1'000, .per_network = 1'000, .total = 1'000};
constexpr std::string_view garbage = "\xff\xff no DNS message at all";

enum class Transport { udp, tcp };

Deadline within(Duration patience) { return {std::chrono::steady_clock::now() + patience}; }

}  // namespace

struct DnsServer::State : std::enable_shared_from_this<State> {
    State(DnsZones the_zones, Loops& the_loops, Log& the_log, TaskGroup& the_tasks) :
        loops(the_loops),
        log(the_log),
        tasks(the_tasks),
        table(connections),
        zones(std::make_shared<const DnsZones>(std::move(the_zones)))
    {
    }

    // Lifetime: these keep the state.
    static Task<void> serve_datagrams(std::shared_ptr<State> state);
    static Task<void> answer_datagram(std::shared_ptr<State> state, net::Datagram datagram);
    static Task<void> serve_connection(std::shared_ptr<State> state, net::Wire wire);

    // The answer's bytes; empty: none is given.
    Task<std::string> answer_to(std::string bytes, Transport transport);
    void note(const DnsQuestion& question, Transport transport);

    Loops& loops;
    Log& log;
    TaskGroup& tasks;
    net::ConnectionTable table;
    std::unique_ptr<net::DatagramSocket> socket;
    std::unique_ptr<net::Listener> listener;
    std::uint16_t port = 0;
    std::atomic<bool> stopping = false;
    mutable std::mutex mutex;  // of what follows
    std::shared_ptr<const DnsZones> zones;
    std::deque<std::string> asked;
};

void DnsServer::State::note(const DnsQuestion& question, Transport transport)
{
    const std::scoped_lock lock(mutex);
    if (asked.size() >= most_asked)
        asked.pop_front();
    asked.push_back(fmt::format("{} {}{}", net::name_of(static_cast<net::DnsType>(question.type)), question.name,
                                transport == Transport::tcp ? " tcp" : ""));
}

Task<std::string> DnsServer::State::answer_to(std::string bytes, Transport transport)
{
    const std::optional<DnsMessage> query = read_message(bytes);
    if (!query || query->is_response)
        co_return std::string();  // an answer to an answer would go round for ever
    std::shared_ptr<const DnsZones> known;
    {
        const std::scoped_lock lock(mutex);
        known = zones;
    }
    DnsMessage reply = answer(*known, *query);
    DnsZones::Treatment treatment;
    if (query->questions.size() == 1) {
        note(query->questions.front(), transport);
        treatment = known->treatment_of(query->questions.front().name);
    }
    for (Duration left = std::min(treatment.delay, longest_delay); left > 0s && !stopping; left -= delay_step)
        co_await sleep_for(std::min(left, delay_step));
    std::size_t most = most_over_tcp;
    if (transport == Transport::udp)
        most = std::clamp<std::size_t>(query->edns_size.value_or(0), most_over_udp, most_over_tcp);
    const auto refuse = [&](Rcode rcode) {
        reply.rcode = rcode;
        reply.is_authoritative = false;
        reply.answers.clear();
        reply.authority.clear();
    };
    switch (treatment.fault) {
    case DnsFault::none: break;
    case DnsFault::silent: co_return std::string();
    case DnsFault::server_failure: refuse(Rcode::server_failure); break;
    case DnsFault::refused: refuse(Rcode::refused); break;
    case DnsFault::wrong_id: ++reply.id; break;
    case DnsFault::garbage: co_return std::string(garbage);
    case DnsFault::truncated:
        if (transport == Transport::udp) {
            reply.answers.clear();
            reply.is_truncated = true;
        }
    }
    co_return write_message(reply, most);
}

// ---- UDP

Task<void> DnsServer::State::serve_datagrams(std::shared_ptr<State> state)
{
    while (!state->stopping) {
        Result<net::Datagram> datagram = co_await state->socket->receive();
        if (datagram)
            state->tasks.spawn(state->loops[0], "dns answer", answer_datagram(state, std::move(*datagram)));
        else if (datagram.error() != ErrorCode::cancelled) {
            state->log.write(LogLevel::warning, "lab", 0, "the DNS server cannot receive",
                             {{"why", datagram.error().text}});
            co_await sleep_for(delay_step);
        }
    }
}

Task<void> DnsServer::State::answer_datagram(std::shared_ptr<State> state, net::Datagram datagram)
{
    const std::string reply = co_await state->answer_to(std::move(datagram.bytes), Transport::udp);
    if (reply.empty())
        co_return;
    const Result<void> sent = state->socket->send(reply, datagram.from);
    if (!sent)
        state->log.write(LogLevel::debug, "lab", 0, "a DNS answer was not sent", {{"why", sent.error().text}});
}

// ---- TCP: each message behind its length (RFC 1035 section 4.2.2)

Task<void> DnsServer::State::serve_connection(std::shared_ptr<State> state, net::Wire wire)
{
    while (!state->stopping) {
        std::size_t needed = 2;
        while (wire.input().size() < needed) {
            const Result<void> filled = co_await wire.fill(within(connection_patience), most_over_tcp + 2);
            if (!filled)
                co_return;
            if (wire.input().size() >= 2)
                needed = 2u +
                    (static_cast<unsigned char>(wire.input()[0]) << 8 | static_cast<unsigned char>(wire.input()[1]));
        }
        std::string query(wire.input().substr(2, needed - 2));
        wire.consume(needed);
        const std::string reply = co_await state->answer_to(std::move(query), Transport::tcp);
        if (reply.empty())
            continue;
        std::string framed{static_cast<char>(reply.size() >> 8), static_cast<char>(reply.size())};
        framed += reply;
        const Result<void> sent = co_await wire.write(std::move(framed), within(connection_patience));
        if (!sent)
            co_return;
    }
}

// ---- the face

DnsServer::DnsServer(std::shared_ptr<State> state) : state_(std::move(state)) { }
DnsServer::~DnsServer()
{
    stop();
    state_->listener.reset();  // it holds the state
}

Result<std::unique_ptr<DnsServer>> DnsServer::start(DnsServerOptions options, DnsZones zones, Loops& loops, Log& log,
                                                    TaskGroup& tasks)
{
    const auto state = std::make_shared<State>(std::move(zones), loops, log, tasks);
    net::ListenerOptions tcp;
    tcp.name = "dns";
    tcp.address = options.address;
    tcp.port = options.port;
    for (unsigned tries = 0;; ++tries) {
        Result<std::unique_ptr<net::Listener>> listener = net::Listener::bind(tcp, loops, state->table, log);
        if (!listener)
            return fail(listener.error());
        Result<std::unique_ptr<net::DatagramSocket>> socket =
            net::DatagramSocket::bind(loops[0].executor(), options.address, (*listener)->port());
        if (socket) {
            state->listener = std::move(*listener);
            state->port = state->listener->port();
            state->socket = std::move(*socket);
            break;
        }
        if (options.port != 0 || socket.error() != ErrorCode::already_exists || tries >= port_tries)
            return fail(socket.error());
    }
    state->listener->start([state](net::Wire wire) { return State::serve_connection(state, std::move(wire)); }, tasks);
    tasks.spawn(loops[0], "dns", State::serve_datagrams(state));
    return std::unique_ptr<DnsServer>(new DnsServer(state));
}

std::uint16_t DnsServer::port() const { return state_->port; }

void DnsServer::set_zones(DnsZones zones)
{
    auto known = std::make_shared<const DnsZones>(std::move(zones));
    const std::scoped_lock lock(state_->mutex);
    state_->zones = std::move(known);
}

std::vector<std::string> DnsServer::asked() const
{
    const std::scoped_lock lock(state_->mutex);
    return {state_->asked.begin(), state_->asked.end()};
}

void DnsServer::stop()
{
    if (state_->stopping.exchange(true))
        return;
    state_->listener->stop();
    state_->loops[0].post([state = state_] { state->socket->cancel(); });
}

}  // namespace posthouse::lab
