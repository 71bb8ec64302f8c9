#include "net/listener.h"

#include "net/endpoint.h"
#include "net/listening_socket.h"
#include "net/proxy_protocol.h"
#include "net/wire_impl.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace posthouse::net {

namespace {

constexpr auto handshake_patience = 30s;
constexpr auto proxy_patience = 5s;
constexpr auto starved_pause = 100ms;  // between looks for a free descriptor
constexpr unsigned accepts_at_once = 32;  // before the loop's sessions get their turn

constexpr auto as_result = asio::as_tuple(use_task);

Deadline within(Duration patience) { return {std::chrono::steady_clock::now() + patience}; }

// The connections of this listener on one loop.
struct Share {
    explicit Share(Loop& where) : loop(where) { }
    Loop& loop;
    std::shared_ptr<WireList> wires = std::make_shared<WireList>();
    std::atomic<std::size_t> open = 0;
};

struct Accepted {
    Descriptor socket;
    Endpoint peer;
    ConnectionTable::Ticket ticket;
};

// Sockets that a session must not take: the store opens files while mail comes in, and a store
// that cannot is worse than a peer that waits.
int first_reserved_descriptor()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1'000'000)
        return 1'000'000;
    const int most = static_cast<int>(limit.rlim_cur);
    return most - std::clamp(most / 4, 8, 64);
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
    State(ListenerOptions given, Loops& loops, ConnectionTable& its_table, Log& its_log, ListeningSocket bound) :
        options(std::move(given)),
        table(its_table),
        log(its_log),
        home(loops[std::hash<std::string>{}(options.name)]),
        socket(std::move(bound.socket)),
        port(bound.port),
        acceptor(home.executor()),
        pause(home.executor())
    {
        for (std::size_t i = 0; i < loops.size(); ++i) {
            shares.push_back(std::make_unique<Share>(loops[i]));
            // Asio opens a loop's epoll at its first use: now, while there are descriptors.
            asio::posix::basic_stream_descriptor<LoopExecutor> first_use(loops[i].executor());
        }
    }

    enum class Taken { all, some, starved };
    Taken take_some();
    Taken take_one();
    Taken unpark();
    void hand_over(Accepted accepted);
    void refuse(Descriptor socket, const Endpoint& peer);
    // These two keep the state alive, from before their first step on.
    static Task<void> accept_all(std::shared_ptr<State> state);
    static Task<void> run(std::shared_ptr<State> state, std::size_t share, Accepted accepted);
    Task<void> accept_until_stopped();
    Task<bool> read_proxy_header(Wire& wire, Wire::Impl& impl, ConnectionTable::Ticket& ticket);
    Task<void> run_session(Share& share, Accepted accepted);

    ListenerOptions options;
    ConnectionTable& table;
    Log& log;
    Loop& home;  // accepts
    std::vector<std::unique_ptr<Share>> shares;
    Serve serve;
    TaskGroup* group = nullptr;
    Descriptor socket;  // until start() gives it to `acceptor`
    std::uint16_t port;
    std::atomic<bool> stopping = false;

    // On the home loop only.
    asio::posix::basic_stream_descriptor<LoopExecutor> acceptor;
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>
        pause;
    std::optional<Accepted> parked;  // taken when descriptors had run short, served when they are back
    int first_reserved = 0;
    bool is_starved = false;
    std::size_t next_share = 0;
    std::size_t refused = 0;
    SteadyTime refusal_logged{};
};

// ---- accepting

// A new descriptor gets the lowest free number: its number tells how many are left.
Listener::State::Taken Listener::State::take_one()
{
    SocketAddress address;
    Descriptor socket(
        ::accept4(acceptor.native_handle(), address.data(), &address.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
        switch (errno) {
        case EAGAIN: return Taken::all;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return Taken::starved;
        default: return Taken::some;  // that connection's own mishap (accept(2), ECONNABORTED …)
        }
    }
    const bool is_last = socket.number() >= first_reserved;
    Accepted accepted{std::move(socket), to_endpoint(address), {}};
    if (is_last) {
        parked = std::move(accepted);
        return Taken::starved;
    }
    hand_over(std::move(accepted));
    return Taken::some;
}

Listener::State::Taken Listener::State::unpark()
{
    const Descriptor probe(::fcntl(parked->socket.number(), F_DUPFD_CLOEXEC, 0));
    first_reserved = first_reserved_descriptor();
    if (!probe || probe.number() >= first_reserved)
        return Taken::starved;
    Accepted accepted = std::move(*parked);
    parked.reset();
    hand_over(std::move(accepted));
    return Taken::some;
}

Listener::State::Taken Listener::State::take_some()
{
    Taken taken = parked ? unpark() : Taken::some;
    for (unsigned i = 0; i < accepts_at_once && taken == Taken::some; ++i)
        taken = take_one();
    return taken;
}

Task<void> Listener::State::accept_all(std::shared_ptr<State> state) { co_await state->accept_until_stopped(); }

Task<void> Listener::State::accept_until_stopped()
{
    first_reserved = first_reserved_descriptor();
    while (!stopping) {
        const Taken taken = take_some();
        if (taken != Taken::starved && std::exchange(is_starved, false))
            log.write(LogLevel::info, "net", 0, "accepting again", {{"port", options.name}});
        if (taken == Taken::some) {
            co_await asio::post(home.executor(), use_task);
        } else if (taken == Taken::all) {
            [[maybe_unused]] const auto [ended] =
                co_await acceptor.async_wait(asio::posix::descriptor_base::wait_read, as_result);
        } else {
            if (!std::exchange(is_starved, true))
                log.write(LogLevel::warning, "net", 0, "accepting pauses: no file descriptors left",
                          {{"port", options.name}, {"open", std::to_string(table.open())}});
            pause.expires_after(starved_pause);
            [[maybe_unused]] const auto [ended] = co_await pause.async_wait(as_result);
        }
    }
    parked.reset();
    boost::system::error_code ignored;
    acceptor.close(ignored);
    if (options.address.starts_with('/'))
        ::unlink(options.address.c_str());
}

void Listener::State::hand_over(Accepted accepted)
{
    // With the PROXY protocol the address that counts is not known yet.
    if (!options.proxy_protocol) {
        accepted.ticket = table.admit(accepted.peer.address);
        if (!accepted.ticket)
            return refuse(std::move(accepted.socket), accepted.peer);
    }
    std::size_t chosen = next_share++ % shares.size();
    for (std::size_t i = 0; i < shares.size(); ++i)
        if (shares[i]->open < shares[chosen]->open)
            chosen = i;
    ++shares[chosen]->open;
    group->spawn(shares[chosen]->loop, options.name, run(shared_from_this(), chosen, std::move(accepted)));
}

void Listener::State::refuse(Descriptor socket, const Endpoint& peer)
{
    if (options.implicit_tls == nullptr && !options.refusal.empty()) {
        const std::string text = options.refusal + "\r\n";
        ::send(socket.number(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    ++refused;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now < refusal_logged + 10s)
        return;  // strangers do not fill the log
    refusal_logged = now;
    log.write(LogLevel::warning, "net", 0, "too many connections",
              {{"port", options.name}, {"peer", peer.text()}, {"refused", std::to_string(refused)}});
}

// ---- one connection

Task<void> Listener::State::run(std::shared_ptr<State> state, std::size_t share, Accepted accepted)
{
    // Caught here, where the port's name is known.
    try {
        co_await state->run_session(*state->shares[share], std::move(accepted));
    } catch (const std::exception& bug) {
        state->log.write(LogLevel::error, "net", 0, "a session ended by a bug",
                         {{"port", state->options.name}, {"what", bug.what()}});
    }
    --state->shares[share]->open;
}

Task<void> Listener::State::run_session(Share& share, Accepted accepted)
{
    ConnectionTable::Ticket ticket = std::move(accepted.ticket);
    Wire wire;
    {
        const auto impl = std::make_shared<Wire::Impl>(share.loop.executor(), accepted.socket.release(),
                                                       std::move(accepted.peer), share.wires);
        wire = Wire(impl);
        if (options.proxy_protocol) {
            const bool told = co_await read_proxy_header(wire, *impl, ticket);
            if (!told)
                co_return;
        }
    }
    if (options.implicit_tls != nullptr) {
        const Result<void> secured = co_await wire.accept_tls(*options.implicit_tls, within(handshake_patience));
        if (!secured) {
            log.write(LogLevel::debug, "net", 0, "TLS handshake failed",
                      {{"port", options.name}, {"peer", wire.peer().text()}, {"what", secured.error().text}});
            co_return;
        }
    }
    Task<void> session = serve(std::move(wire));
    co_await std::move(session);
}

Task<bool> Listener::State::read_proxy_header(Wire& wire, Wire::Impl& impl, ConnectionTable::Ticket& ticket)
{
    const Deadline deadline = within(proxy_patience);
    ProxyHeader header;
    for (;;) {
        header = parse_proxy_header(wire.input());
        if (header.state != ProxyHeader::State::need_more)
            break;
        const Result<void> filled = co_await wire.fill(deadline, most_proxy_header);
        if (!filled)
            co_return false;
    }
    if (header.state == ProxyHeader::State::malformed) {
        log.write(LogLevel::warning, "net", 0, "no PROXY protocol header",
                  {{"port", options.name}, {"peer", wire.peer().text()}});
        co_return false;
    }
    wire.consume(header.consumed);
    if (options.implicit_tls != nullptr)
        impl.input_begins_handshake();
    if (header.ends)
        impl.set_endpoints(header.ends->peer, header.ends->local);
    ticket = table.admit(wire.peer().address);
    if (ticket)
        co_return true;
    if (options.implicit_tls == nullptr && !options.refusal.empty()) {
        const Result<void> ignored = co_await wire.write(options.refusal + "\r\n", deadline);
    }
    co_return false;
}

// ---- the face

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) { }

Result<std::unique_ptr<Listener>> Listener::bind(ListenerOptions options, Loops& loops, ConnectionTable& table,
                                                 Log& log)
{
    Result<ListeningSocket> bound = listen_on(options.address, options.port);
    if (!bound)
        return fail(bound.error().code, fmt::format("{}: {}", options.name, bound.error().text));
    return std::unique_ptr<Listener>(
        new Listener(std::make_shared<State>(std::move(options), loops, table, log, std::move(*bound))));
}

Listener::~Listener() { stop(); }

std::uint16_t Listener::port() const { return state_->port; }

std::size_t Listener::open() const
{
    std::size_t total = 0;
    for (const auto& share : state_->shares)
        total += share->open;
    return total;
}

void Listener::start(Serve serve, TaskGroup& group)
{
    state_->serve = std::move(serve);
    state_->group = &group;
    boost::system::error_code error;
    state_->acceptor.assign(state_->socket.number(), error);
    if (error) {
        state_->log.write(LogLevel::alarm, "net", 0, "cannot accept",
                          {{"port", state_->options.name}, {"what", error.message()}});
        return;
    }
    state_->socket.release();
    group.spawn(state_->home, "accept " + state_->options.name, State::accept_all(state_));
}

void Listener::stop()
{
    if (state_->stopping.exchange(true))
        return;
    if (state_->socket && state_->options.address.starts_with('/'))
        ::unlink(state_->options.address.c_str());
    state_->socket = {};  // never started
    state_->home.post([state = state_] {
        boost::system::error_code ignored;
        if (state->acceptor.is_open())
            state->acceptor.cancel(ignored);
        state->pause.cancel();
    });
    for (const auto& share : state_->shares)
        share->loop.post([wires = share->wires] { wires->cancel_all(); });
}

}  // namespace posthouse::net
