// The face of Wire::Impl (net/wire_impl.h), and the ways to get a Wire other than a Listener.
#include "net/wire.h"

#include "net/endpoint.h"
#include "net/wire_impl.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace posthouse::net {

Wire::Wire(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) { }
Wire::Wire(Wire&&) noexcept = default;

Wire& Wire::operator=(Wire&& other) noexcept
{
    if (impl_ && impl_ != other.impl_)
        impl_->close();
    impl_ = std::move(other.impl_);
    return *this;
}

Wire::~Wire()
{
    if (impl_)
        impl_->close();
}

const Endpoint& Wire::peer() const { return impl_->peer(); }
const Endpoint& Wire::local() const { return impl_->local(); }

std::optional<PeerProcess> Wire::peer_process() const
{
    ucred credentials{};
    socklen_t size = sizeof credentials;
    // On other sockets the kernel answers too, with pid 0.
    if (getsockopt(impl_->socket(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || credentials.pid <= 0)
        return std::nullopt;
    return PeerProcess{credentials.pid, credentials.uid, credentials.gid};
}

Task<Result<void>> Wire::fill(Deadline deadline, std::size_t most) { return impl_->fill<void>(deadline, most); }

Task<Result<Filled>> Wire::fill_or_wake(Deadline deadline, std::size_t most)
{
    return impl_->fill<Filled>(deadline, most);
}

void Wire::wake() { impl_->wake(); }
std::string_view Wire::input() const { return impl_->input().view(); }
void Wire::consume(std::size_t count) { impl_->input().consume(count); }

bool Wire::has_news() const
{
    char byte;
    if (impl_->is_broken() || impl_->is_cancelled() || !impl_->input().empty())
        return true;
    return ::recv(impl_->socket(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

Task<Result<void>> Wire::write(std::string text, Deadline deadline)
{
    if (!impl_->is_deflated())
        return impl_->write(std::array<std::string, 1>{std::move(text)}, deadline);
    std::vector<std::string> pieces;
    pieces.push_back(std::move(text));
    return impl_->write_deflated(std::move(pieces), deadline);
}

Task<Result<void>> Wire::write(std::vector<std::string> pieces, Deadline deadline)
{
    if (!impl_->is_deflated())
        return impl_->write(std::move(pieces), deadline);
    return impl_->write_deflated(std::move(pieces), deadline);
}

Task<Result<void>> Wire::accept_tls(const TlsContext& context, Deadline deadline)
{
    return impl_->handshake(context.state().credentials(), TlsSession::End::server, {}, deadline);
}

Task<Result<void>> Wire::connect_tls(const TlsContext& context, std::string server_name, Deadline deadline)
{
    return impl_->handshake(context.state().credentials(), TlsSession::End::client, std::move(server_name), deadline);
}

Result<void> Wire::start_deflate() { return impl_->start_deflate(); }

bool Wire::is_deflated() const { return impl_->is_deflated(); }

bool Wire::is_tls() const { return impl_->tls() != nullptr; }

const TlsFacts& Wire::tls() const
{
    static const TlsFacts none;
    const TlsSession* tls = impl_->tls();
    return tls != nullptr ? tls->facts() : none;
}

std::string Wire::channel_binding(ChannelBinding kind) const
{
    const TlsSession* tls = impl_->tls();
    return tls != nullptr ? tls->channel_binding(kind) : std::string{};
}

void Wire::cancel() { impl_->cancel(); }
bool Wire::is_cancelled() const { return impl_->is_cancelled(); }
bool Wire::is_broken() const { return impl_->is_broken(); }
Task<void> Wire::linger(Deadline deadline) { return impl_->linger(deadline); }
void Wire::close() { impl_->close(); }

namespace {

ErrorCode connect_failure(int error_number)
{
    switch (error_number) {
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ETIMEDOUT:
    case ECONNRESET:
    case EAGAIN:
    case ENOENT: return ErrorCode::unavailable;
    case EACCES:
    case EPERM: return ErrorCode::not_permitted;
    default: return ErrorCode::io;
    }
}

std::string path_of(const SocketAddress& address)
{
    return reinterpret_cast<const sockaddr_un&>(address.storage).sun_path;
}

// The port is chosen only by connect(), so that one address of ours has room for more than 28,000
// connections to different peers.
Result<void> bind_to(int socket, const SocketAddress& source)
{
    const int on = 1;
    setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(socket, source.data(), source.length) != 0)
        return fail(system_error(fmt::format("bind to {}", to_endpoint(source).address), errno));
    return {};
}

Result<Wire> begin(LoopExecutor executor, const SocketAddress& address, Endpoint peer,
                   const std::optional<SocketAddress>& source = {})
{
    const int socket = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0)
        return fail(system_error("socket", errno));
    if (address.family() != AF_UNIX) {
        const int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const std::string name = address.family() == AF_UNIX ? path_of(address) : peer.text();
    const auto impl = std::make_shared<Wire::Impl>(executor, socket, std::move(peer), nullptr);
    Wire wire(impl);
    const Result<void> bound = source ? bind_to(socket, *source) : Result<void>{};
    if (!bound)
        return fail(bound.error());
    const int error = impl->is_open() && ::connect(socket, address.data(), address.length) != 0 ? errno : 0;
    if (error != 0 && error != EINPROGRESS)
        return fail(connect_failure(error), system_error(fmt::format("connect to {}", name), error).text);
    return wire;
}

Task<Result<Wire>> finish(Result<Wire> begun, Deadline deadline)
{
    if (!begun)
        co_return begun;
    const Result<void> done = co_await begun->connected(deadline);
    if (!done)
        co_return fail(done.error());
    co_return std::move(*begun);
}

}  // namespace

Task<Result<void>> Wire::connected(Deadline deadline)
{
    const std::shared_ptr<Impl> impl = impl_;
    for (;;) {
        if (impl->is_cancelled())
            co_return fail(ErrorCode::cancelled, "shutting down");
        if (!impl->is_open())
            co_return fail(ErrorCode::closed, "closed by us");
        pollfd ready{impl->socket(), POLLOUT, 0};
        if (::poll(&ready, 1, 0) != 0)
            break;
        const Result<void> waited = co_await impl->writable(deadline);
        if (!waited)
            co_return fail(ErrorCode::timeout, fmt::format("connect to {}: no answer in time", impl->peer().text()));
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(impl->socket(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0)
        co_return fail(connect_failure(error),
                       system_error(fmt::format("connect to {}", impl->peer().text()), error).text);
    co_return Result<void>{};
}

Result<Wire> start_connect(LoopExecutor executor, const std::string& address, std::uint16_t port,
                           const std::string& source)
{
    const Result<SocketAddress> target = to_socket_address(address, port);
    if (!target)
        return fail(target.error());
    std::optional<SocketAddress> own;
    if (!source.empty()) {
        const Result<SocketAddress> from = to_socket_address(source, 0);
        if (!from)
            return fail(from.error());
        own = *from;
    }
    return begin(executor, *target, to_endpoint(*target), own);
}

Task<Result<Wire>> connect(std::string address, std::uint16_t port, Deadline deadline, std::string source)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    Result<Wire> wire = co_await finish(start_connect(executor, address, port, source), deadline);
    co_return wire;
}

Task<Result<Wire>> connect_unix(std::string path, Deadline deadline)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    const Result<SocketAddress> target = to_unix_address(path);
    if (!target)
        co_return fail(target.error());
    Result<Wire> wire = co_await finish(begin(executor, *target, Endpoint{"unix", 0}), deadline);
    co_return wire;
}

Result<std::pair<Wire, Wire>> connected_pair(LoopExecutor executor)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets) != 0)
        return fail(system_error("socketpair", errno));
    return std::pair(Wire(std::make_shared<Wire::Impl>(executor, sockets[0], Endpoint{"unix", 0}, nullptr)),
                     Wire(std::make_shared<Wire::Impl>(executor, sockets[1], Endpoint{"unix", 0}, nullptr)));
}

}  // namespace posthouse::net
