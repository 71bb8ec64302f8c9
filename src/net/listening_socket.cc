#include "net/listening_socket.h"

#include "net/endpoint.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

namespace posthouse::net {

namespace {

constexpr int backlog = 4096;  // the kernel cuts it to net.core.somaxconn
constexpr int keepalive_idle = 600;  // seconds until the kernel asks whether a silent peer lives

// Connections inherit these from the socket that accepts them, so they cost no call each.
void set_options(int socket, int family)
{
    const int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // past TIME_WAIT, not past a listener
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_idle, sizeof keepalive_idle);
    if (family == AF_INET6)
        setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
}

Error bind_failure(const std::string& where, std::uint16_t port, int error_number)
{
    if (error_number == EADDRINUSE)
        return {ErrorCode::already_exists, fmt::format("{} is in use by {}", where, holder_of_port(port))};
    if (error_number == EACCES)
        return {ErrorCode::not_permitted,
                fmt::format("{}: not permitted (ports below 1024 need root or CAP_NET_BIND_SERVICE)", where)};
    if (error_number == EADDRNOTAVAIL)
        return {ErrorCode::unavailable, fmt::format("{}: this machine has no such address", where)};
    return system_error(where, error_number);
}

Result<ListeningSocket> listen_on_port(const std::string& address, std::uint16_t port)
{
    const Result<SocketAddress> target = to_socket_address(address, port);
    if (!target)
        return fail(target.error());
    const std::string where = fmt::format("port {} on {}", port, to_endpoint(*target).address);
    ListeningSocket result{Descriptor(::socket(target->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))};
    if (!result.socket)
        return fail(system_error(where, errno));
    set_options(result.socket.number(), target->family());
    // Two servers that start at once may both bind; then the second one's listen() fails.
    if (::bind(result.socket.number(), target->data(), target->length) != 0 ||
        ::listen(result.socket.number(), backlog) != 0)
        return fail(bind_failure(where, port, errno));
    result.port = local_endpoint(result.socket.number()).port;
    return result;
}

// A socket file that nobody answers at is left over from a server that was killed.
bool remove_leftover(const std::string& path, const SocketAddress& address, std::string& holder)
{
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
        holder = "a file that is no socket";
        return false;
    }
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(probe.number(), address.data(), address.length) != 0 && errno == ECONNREFUSED)
        return ::unlink(path.c_str()) == 0;
    ucred credentials{};
    socklen_t size = sizeof credentials;
    holder = "another program";
    if (getsockopt(probe.number(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.pid > 0)
        holder = fmt::format("pid {}", credentials.pid);
    return false;
}

Result<ListeningSocket> listen_on_path(const std::string& path)
{
    const Result<SocketAddress> target = to_unix_address(path);
    if (!target)
        return fail(target.error());
    ListeningSocket result{Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))};
    if (!result.socket)
        return fail(system_error(path, errno));
    ::fchmod(result.socket.number(), 0600);  // on Linux the file takes over this mode at bind()
    int bound = ::bind(result.socket.number(), target->data(), target->length);
    if (bound != 0 && errno == EADDRINUSE) {
        std::string holder;
        if (!remove_leftover(path, *target, holder))
            return fail(ErrorCode::already_exists, fmt::format("{} is in use by {}", path, holder));
        bound = ::bind(result.socket.number(), target->data(), target->length);
    }
    if (bound != 0 || ::chmod(path.c_str(), 0600) != 0 || ::listen(result.socket.number(), backlog) != 0)
        return fail(system_error(path, errno));
    return result;
}

}  // namespace

Result<ListeningSocket> listen_on(const std::string& address, std::uint16_t port)
{
    return address.starts_with('/') ? listen_on_path(address) : listen_on_port(address, port);
}

}  // namespace posthouse::net
