// Ports: bound once, without SO_REUSEPORT, shared by all loops; connections counted and limited.
//
// A second server on the same port fails at bind() with a text that says who holds it.
#pragma once

#include "base/log.h"
#include "base/task.h"
#include "net/wire.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace posthouse::net {

// How many connections may be open at once. Counted over all ports together.
struct ConnectionLimits {
    unsigned per_address = 50;  // IPv6: per /64
    unsigned per_network = 200;  // IPv4 /24, IPv6 /48
    unsigned per_account = 50;  // counted by the doors, after login
    unsigned total = 20'000;
};

// Who is connected. One for the whole program, handed to every listener and door.
// Threads: any. `admit` and `admit_account` answer an empty Ticket when a limit is reached; the
// place is given back when the Ticket goes.
class ConnectionTable {
public:
    explicit ConnectionTable(ConnectionLimits limits);
    ~ConnectionTable();
    class Ticket {
    public:
        Ticket() = default;
        explicit Ticket(std::shared_ptr<void> place) : place_(std::move(place)) { }
        explicit operator bool() const { return place_ != nullptr; }

    private:
        std::shared_ptr<void> place_;
    };
    Ticket admit(const std::string& address);
    Ticket admit_account(std::uint64_t account);
    std::size_t open() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

struct ListenerOptions {
    std::string name;  // "smtp", "submissions", … for logs and status
    std::string address;  // "127.0.0.1", "::1", "0.0.0.0", "::"; "/path" is a Unix socket, mode 0600
    std::uint16_t port = 0;  // 0: the system chooses; see Listener::port
    bool proxy_protocol = false;  // test listeners: the first line tells the client's address
    const TlsContext* implicit_tls = nullptr;  // TLS from the first byte
    std::string refusal;  // sent, with CRLF, to a connection over the limits, then closed
};

// Runs once per connection, on the connection's loop; several loops call it at the same time. The
// wire has done its TLS handshake already where implicit_tls is set. What it throws is logged and
// closes the connection.
using Serve = std::function<Task<void>(Wire wire)>;

// One loop takes the connections off the port and gives each to the loop that has fewest of this
// port's, so that they spread evenly also where each brings one message.
//
// Lifetime: stop() and then the group's wait() before the loops, the table, the log, the group and
// the TLS context go.
class Listener {
public:
    static Result<std::unique_ptr<Listener>> bind(ListenerOptions options, Loops& loops, ConnectionTable& table,
                                                  Log& log);
    ~Listener();
    std::uint16_t port() const;
    std::size_t open() const;  // connections that live now; any thread
    // Begins to accept, on every loop. Out of descriptors: accepting pauses, without a busy loop.
    void start(Serve serve, TaskGroup& group);
    // No new connections from here on; the living ones go on, their wires are cancelled: sessions
    // get Error::cancelled from their next wait and say goodbye (421, BYE).
    void stop();

private:
    struct State;
    explicit Listener(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace posthouse::net
