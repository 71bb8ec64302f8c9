// One connection: bytes in, bytes out, in the clear or by TLS, compressed or not, with deadlines.
//
// A Wire owns its socket. While it waits for a peer with nothing buffered it holds no buffer, so an
// idle session costs its coroutine frames and the kernel's socket.
//
// Threads: the loop it was made on. Lifetime: a view got from a Wire stays valid until the next
// call on that Wire that awaits or consumes. One read and one write may be under way at a time.
// Deadlines are measured by the system's steady clock, and only where a call has to wait.
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthouse::net {

// An IP address and port, IPv4-mapped addresses made IPv4.
struct Endpoint {
    std::string address;  // as text, without brackets: "127.0.0.1", "::1"; "unix" on a Unix socket
    std::uint16_t port = 0;
    std::string text() const;  // "127.0.0.1:25", "[::1]:25"; "unix"
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// RFC 9266 for tls-exporter (TLS 1.3 only: below it implementations disagree about the context),
// RFC 5929 section 4 for tls-server-end-point.
enum class ChannelBinding { tls_exporter, tls_server_end_point };

struct TlsFacts {
    std::string version;  // "TLSv1.3"
    std::string cipher;  // "TLS_AES_256_GCM_SHA384"
    std::string server_name;  // SNI as the client sent it, empty if none
    std::string peer_subject;  // the peer's certificate, empty if none; so for the next ones
    std::string peer_issuer;
    std::optional<WallTime> peer_valid_from;
    std::optional<WallTime> peer_valid_until;
    bool peer_verified = false;  // the chain leads to a root we trust, and the name asked for is in it
    bool peer_name_fits = false;  // the name asked for is in the certificate, whoever signed it
    std::string peer_fault;  // why it is not verified: "self-signed certificate"
};

// Who is at the other end of a Unix socket, by the kernel's word (SO_PEERCRED).
struct PeerProcess {
    std::int32_t pid = 0;
    std::uint32_t user = 0;
    std::uint32_t group = 0;
};

// What ended a fill_or_wake().
enum class Filled { bytes, woken };

// What a TLS end needs: certificate and key, or the roots to verify by. Made by net/tls.h;
// reloadable; shared by all sessions.
class TlsContext;

class Wire {
public:
    class Impl;
    Wire() = default;  // no connection: only to be assigned to
    explicit Wire(std::shared_ptr<Impl> impl);
    Wire(Wire&&) noexcept;
    Wire& operator=(Wire&&) noexcept;
    ~Wire();  // closes

    const Endpoint& peer() const;  // the client's own, where the PROXY protocol told it
    const Endpoint& local() const;
    std::optional<PeerProcess> peer_process() const;  // empty unless a Unix socket

    // Waits until more bytes than input() has are there. An error means nothing more will come:
    // closed, timeout, cancelled, tls. At most `most` bytes are kept buffered (too_large past it).
    Task<Result<void>> fill(Deadline deadline, std::size_t most = 64 * 1024);
    // The same, but wake() ends it too, without disturbing the connection (IMAP IDLE).
    Task<Result<Filled>> fill_or_wake(Deadline deadline, std::size_t most = 64 * 1024);
    // Ends the fill_or_wake() under way, or the next one if none is, with Filled::woken. Calls that
    // come before it is noticed count as one. Same loop only.
    void wake();
    std::string_view input() const;
    void consume(std::size_t count);
    // Bytes that were not read yet, or the peer's end, are there already: asked of an idle connection
    // before it is used again. Waits for nothing.
    bool has_news() const;

    // Sends all of it; returns once the kernel has taken it. `text` is moved in and kept.
    Task<Result<void>> write(std::string text, Deadline deadline);
    // The same for several pieces at once, by one gathering write where the kernel can.
    Task<Result<void>> write(std::vector<std::string> pieces, Deadline deadline);

    // The TLS handshake, as the server or as the client. Refused (ErrorCode::tls, connection
    // unusable) when bytes are buffered that came before it: that is an injection (HOSTILE A3).
    Task<Result<void>> accept_tls(const TlsContext& context, Deadline deadline);
    Task<Result<void>> connect_tls(const TlsContext& context, std::string server_name, Deadline deadline);
    bool is_tls() const;
    const TlsFacts& tls() const;  // all empty without TLS
    std::string channel_binding(ChannelBinding kind) const;  // empty without TLS

    // RFC 4978: from here on all bytes are DEFLATE, inside TLS where that is up. Refused (malformed) while bytes wait
    // that came before it. What comes is inflated only as far as fill() may keep it (HOSTILE A19).
    Result<void> start_deflate();
    bool is_deflated() const;

    // Of a connection that was only begun (start_connect()): waits until it stands, or why it does not.
    Task<Result<void>> connected(Deadline deadline);

    // From here on every read and handshake, and a connect that is still waited for, under way or later, ends with
    // Error::cancelled. Writes go on (a reply, a goodbye), but all of them together for 5 s at most. Same loop only.
    void cancel();
    bool is_cancelled() const;
    // True once the peer's end has been seen or an error has made the connection unusable. After
    // the peer's end writes may still arrive (it may have closed its sending half only).
    bool is_broken() const;
    // The last words for a peer that may still be sending: says that nothing more comes (TLS
    // close_notify, FIN), then reads and drops until the peer closes, 1 MiB came or the deadline
    // passes, then closes. A plain close() resets such a connection, and the reset may overtake
    // what was written.
    Task<void> linger(Deadline deadline);
    void close();

private:
    std::shared_ptr<Impl> impl_;
};

// The client's end. `address` is an IP address as text; a name is the resolver's business. `source`:
// our own address, of the same family, where it matters; empty: the system's choice.
Task<Result<Wire>> connect(std::string address, std::uint16_t port, Deadline deadline, std::string source = {});
// The same in two steps, for who wants to be able to cancel() meanwhile: connected() comes next.
Result<Wire> start_connect(LoopExecutor executor, const std::string& address, std::uint16_t port,
                           const std::string& source = {});
// To a Unix stream socket.
Task<Result<Wire>> connect_unix(std::string path, Deadline deadline);
// Two ends that are connected with each other, on one loop: for tests, and for a door that is fed
// by another room. Both peers are called "unix".
Result<std::pair<Wire, Wire>> connected_pair(LoopExecutor executor);

}  // namespace posthouse::net
