// How a Wire reads, writes and waits. Seen inside net/ only.
//
// Every operation tries the socket first and waits only when it would block. A wait is ended by
// readiness, by its deadline, by cancel() and by wake(): the last three abort the kernel wait, and
// the operation, looking at the state again, finds out why. An abort that was meant for the other
// direction just waits again. So there is no state that a race could leave behind.
//
// One timer serves all deadlines of a wire. It is armed no later than the earliest deadline that
// is being waited for, and a deadline that moves later leaves it alone: it then goes off once for
// nothing, and is armed anew. A wire that waits for nothing has no timer.
#pragma once

#include "net/buffer.h"
#include "net/deflate.h"
#include "net/tls_session.h"
#include "net/wire.h"

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <sys/uio.h>

namespace posthouse::net {

// The wires of one listener that live on one loop, so that it can cancel them. That loop only.
struct WireList {
    Wire::Impl* first = nullptr;
    bool cancelled = false;  // what joins later is cancelled at once

    void cancel_all();
};

class Wire::Impl : public std::enable_shared_from_this<Wire::Impl> {
public:
    // Takes over a connected, non-blocking stream socket. `list` may be null.
    Impl(LoopExecutor executor, int socket, Endpoint peer, std::shared_ptr<WireList> list);
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();

    // T is void or Filled; only with Filled does wake() end it.
    template <class T> Task<Result<T>> fill(Deadline deadline, std::size_t most);
    // Pieces is a range of std::string, kept until all is sent.
    template <class Pieces> Task<Result<void>> write(Pieces pieces, Deadline deadline);
    Task<Result<void>> write_deflated(std::vector<std::string> pieces, Deadline deadline);
    Task<Result<void>> handshake(std::shared_ptr<const TlsCredentials> credentials, TlsSession::End end,
                                 std::string server_name, Deadline deadline);
    // What has come already belongs to the handshake that follows: a ClientHello behind a PROXY header.
    void input_begins_handshake();
    Task<void> linger(Deadline deadline);
    // For connect(): until the socket can be written to.
    Task<Result<void>> writable(Deadline deadline);

    Result<void> start_deflate();
    bool is_deflated() const { return inflater_ != nullptr; }

    void cancel();
    void wake();
    void close();

    int socket() { return socket_.is_open() ? socket_.native_handle() : -1; }
    bool is_open() const { return socket_.is_open(); }
    bool is_broken() const { return broken_ != nullptr; }
    bool is_cancelled() const { return cancelled_; }
    const Endpoint& peer() const { return peer_; }
    const Endpoint& local();
    void set_endpoints(Endpoint peer, Endpoint local);
    Buffer& input() { return input_; }
    const Buffer& input() const { return input_; }
    const TlsSession* tls() const { return secured_ ? tls_.get() : nullptr; }

private:
    friend struct WireList;
    using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                             LoopExecutor>;
    enum class Direction { read, write };
    enum class Tried { progress, would_block, broken };
    enum class Waited { again, timeout };
    struct Waiting {
        bool active = false;
        bool wakeable = false;
        SteadyTime until = SteadyTime::max();
    };

    Task<Waited> wait(Direction direction, Deadline deadline, bool wakeable = false);
    void arm(SteadyTime until);
    void on_timer();
    void interrupt(bool also_writes);

    Tried try_read(Buffer& into, std::size_t most);
    Tried try_read_plain(Buffer& into, std::size_t most);
    Tried try_read_tls(Buffer& into, std::size_t most);
    Tried try_read_deflated(std::size_t most);
    void inflate_some(std::size_t most);
    Tried receive(Buffer& buffer, std::size_t least, std::size_t most);
    TlsSession::Outcome decrypt_record(Buffer& into, std::size_t most);
    Tried send_some(std::span<const iovec> pieces, std::size_t& sent);
    Task<Result<void>> flush(Deadline deadline);  // what TLS has to say
    void flush_now();  // the same as far as it goes without waiting
    void break_with(ErrorCode code, std::string text);
    Tried socket_failed(int error_number);

    asio::posix::basic_stream_descriptor<LoopExecutor> socket_;
    Timer timer_;
    SteadyTime armed_ = SteadyTime::max();
    std::array<Waiting, 2> waiting_;  // by Direction
    SteadyTime goodbye_until_ = SteadyTime::max();
    bool cancelled_ = false;
    bool woken_ = false;
    bool drained_ = true;  // the last receive left nothing in the socket: wait before the next
    bool bulk_ = false;  // the last receive filled its block: take a larger one
    bool secured_ = false;  // the handshake is done
    bool unsendable_ = false;  // a write has failed: what follows it would make no sense
    unsigned eager_ = 0;  // reads in a row that did not wait
    Buffer input_;  // what the session reads
    Buffer cipher_in_;
    Buffer cipher_out_;
    std::unique_ptr<TlsSession> tls_;
    std::unique_ptr<Inflater> inflater_;  // null: not compressed
    Buffer packed_in_;
    std::unique_ptr<Error> broken_;  // rare, so apart
    Endpoint peer_;
    Endpoint local_;
    std::shared_ptr<WireList> list_;
    Impl* next_ = nullptr;
    Impl* previous_ = nullptr;
};

}  // namespace posthouse::net
