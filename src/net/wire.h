// One connection: bytes in, bytes out, in the clear or by TLS, with deadlines.
//
// A Wire owns its socket. While it waits for a peer with nothing buffered it holds no buffer, so an
// idle session costs its coroutine frames and the kernel's socket.
//
// Threads: the loop it was made on. Lifetime: a view got from a Wire stays valid until the next
// call on that Wire that awaits or consumes. One read and one write may be under way at a time.
#pragma once

#include "base/result.h"
#include "base/task.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace posthouse::net {

// An IP address and port, IPv4-mapped addresses made IPv4.
struct Endpoint {
    std::string address;  // as text, without brackets: "127.0.0.1", "::1"
    std::uint16_t port = 0;
    std::string text() const;  // "127.0.0.1:25", "[::1]:25"
};

// RFC 9266 for tls-exporter, RFC 5929 for tls-server-end-point.
enum class ChannelBinding { tls_exporter, tls_server_end_point };

struct TlsFacts {
    std::string version;  // "TLSv1.3"
    std::string cipher;  // "TLS_AES_256_GCM_SHA384"
    std::string server_name;  // SNI as the client sent it, empty if none
    std::string peer_subject;  // the peer's certificate, empty if none
    bool peer_verified = false;
};

// What a TLS end needs: certificate and key, or the roots to verify by. Made by net/tls.h;
// reloadable; shared by all sessions.
class TlsContext;

class Wire {
public:
    class Impl;
    explicit Wire(std::unique_ptr<Impl> impl);
    Wire(Wire&&) noexcept;
    Wire& operator=(Wire&&) noexcept;
    ~Wire();  // closes

    const Endpoint& peer() const;  // the client's own, where the PROXY protocol told it
    const Endpoint& local() const;

    // Waits until more bytes than input() has are there. An error means nothing more will come:
    // closed, timeout, cancelled, tls. At most `most` bytes are kept buffered (too_large past it).
    Task<Result<void>> fill(Deadline deadline, std::size_t most = 64 * 1024);
    std::string_view input() const;
    void consume(std::size_t count);

    // Sends all of it; returns once the kernel has taken it. `text` is moved in and kept.
    Task<Result<void>> write(std::string text, Deadline deadline);
    // The same for several pieces at once, by one gathering write where the kernel can.
    Task<Result<void>> write(std::vector<std::string> pieces, Deadline deadline);

    // The TLS handshake, as the server or as the client. Refused (ErrorCode::tls, connection
    // unusable) when bytes are buffered that came before it: that is an injection (HOSTILE A3).
    Task<Result<void>> accept_tls(const TlsContext& context, Deadline deadline);
    Task<Result<void>> connect_tls(const TlsContext& context, std::string server_name, Deadline deadline);
    bool is_tls() const;
    const TlsFacts& tls() const;
    std::string channel_binding(ChannelBinding kind) const;  // empty without TLS

    // A wait under way, or the next one, ends with Error::cancelled. Same loop only.
    void cancel();
    // True once the peer's end has been seen or an error has made the connection unusable.
    bool is_broken() const;
    void close();

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace posthouse::net
