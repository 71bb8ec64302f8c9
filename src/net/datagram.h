// A UDP socket: whole datagrams in and out.
//
// Threads: its loop's. Lifetime: cancel(), and the receive() under way ended, before it goes.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "net/wire.h"

#include <cstdint>
#include <memory>
#include <string>

namespace posthouse::net {

struct Datagram {
    std::string bytes;  // at most 64 KiB
    Endpoint from;
};

class DatagramSocket {
public:
    // `address` is an IP address; port 0: the system chooses.
    static Result<std::unique_ptr<DatagramSocket>> bind(LoopExecutor executor, const std::string& address,
                                                        std::uint16_t port);
    ~DatagramSocket();
    std::uint16_t port() const;

    Task<Result<Datagram>> receive();  // cancelled after cancel()
    // Never waits: a datagram the kernel has no room for is lost, as on the way.
    Result<void> send(std::string_view bytes, const Endpoint& to);
    void cancel();

private:
    struct State;
    explicit DatagramSocket(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace posthouse::net
