// A port of ours: bound once, without SO_REUSEPORT.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <utility>

#include <unistd.h>

namespace posthouse::net {

// Owns a file descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) { }
    Descriptor(Descriptor&& other) noexcept : number_(other.release()) { }
    Descriptor& operator=(Descriptor&& other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor()
    {
        if (number_ >= 0)
            ::close(number_);
    }
    int number() const { return number_; }
    int release() { return std::exchange(number_, -1); }
    explicit operator bool() const { return number_ >= 0; }

private:
    int number_ = -1;
};

struct ListeningSocket {
    Descriptor socket;  // non-blocking, close-on-exec
    std::uint16_t port = 0;  // 0 for a Unix socket
};

// `address` is an IP address, or an absolute path for a Unix socket of mode 0600. An IPv6 socket
// takes IPv6 only. Where the port is taken the error's text names the program that has it.
Result<ListeningSocket> listen_on(const std::string& address, std::uint16_t port);

// "postfix master (pid 812)"; "another program" where /proc does not tell us.
std::string holder_of_port(std::uint16_t port);

}  // namespace posthouse::net
