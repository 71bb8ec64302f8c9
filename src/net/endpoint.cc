#include "net/endpoint.h"

#include <cstddef>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace posthouse::net {

std::string Endpoint::text() const
{
    if (address == "unix")
        return address;
    return address.contains(':') ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

Endpoint to_endpoint(const SocketAddress& address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address.family() == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return {text, ntohs(v4.sin_port)};
    }
    if (address.family() == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
        else
            inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        return {text, ntohs(v6.sin6_port)};
    }
    return {"unix", 0};
}

Result<SocketAddress> to_socket_address(const std::string& address, std::uint16_t port)
{
    SocketAddress result;
    auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
    if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        result.length = sizeof v4;
        return result;
    }
    result.storage = {};
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
    const std::size_t scope = address.find('%');
    if (inet_pton(AF_INET6, address.substr(0, scope).c_str(), &v6.sin6_addr) != 1)
        return fail(ErrorCode::malformed, fmt::format("'{}' is not an IP address", address));
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (scope != address.npos)
        v6.sin6_scope_id = if_nametoindex(address.c_str() + scope + 1);
    result.length = sizeof v6;
    return result;
}

Result<SocketAddress> to_unix_address(const std::string& path)
{
    SocketAddress result;
    auto& local = reinterpret_cast<sockaddr_un&>(result.storage);
    if (path.empty() || path.size() >= sizeof local.sun_path || path.contains('\0'))
        return fail(ErrorCode::malformed,
                    fmt::format("a Unix socket's path has 1 to {} bytes: '{}'", sizeof local.sun_path - 1, path));
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
    result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return result;
}

Endpoint local_endpoint(int socket)
{
    SocketAddress address;
    return getsockname(socket, address.data(), &address.length) == 0 ? to_endpoint(address) : Endpoint{};
}

Endpoint peer_endpoint(int socket)
{
    SocketAddress address;
    return getpeername(socket, address.data(), &address.length) == 0 ? to_endpoint(address) : Endpoint{};
}

Error system_error(std::string_view what, int error_number)
{
    return {ErrorCode::io, fmt::format("{}: {}", what, std::generic_category().message(error_number))};
}

}  // namespace posthouse::net
