// Between the kernel's socket addresses and ours.
#pragma once

#include "base/result.h"
#include "net/wire.h"

#include <cstdint>
#include <string_view>

#include <sys/socket.h>

namespace posthouse::net {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;

    sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
};

// IPv4-mapped IPv6 addresses become IPv4; a scope ("%eth0") is left out.
Endpoint to_endpoint(const SocketAddress& address);

// `address` is an IP address as text, with an optional scope ("fe80::1%eth0").
Result<SocketAddress> to_socket_address(const std::string& address, std::uint16_t port);
Result<SocketAddress> to_unix_address(const std::string& path);

// getsockname() and getpeername(); an empty Endpoint when the socket is gone.
Endpoint local_endpoint(int socket);
Endpoint peer_endpoint(int socket);

// "bind: Address already in use": what the operating system says about errno.
Error system_error(std::string_view what, int error_number);

}  // namespace posthouse::net
