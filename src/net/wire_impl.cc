#include "net/wire_impl.h"

#include "net/endpoint.h"

#include <algorithm>
#include <span>

#include <boost/asio/as_tuple.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace posthouse::net {

namespace {

// After cancel(): the time for the last reply and the goodbye.
constexpr auto goodbye_patience = 5s;
constexpr std::size_t most_lingering = 1024 * 1024;

constexpr auto as_result = asio::as_tuple(use_task);

}  // namespace

void WireList::cancel_all()
{
    cancelled = true;
    for (Wire::Impl* wire = first; wire != nullptr; wire = wire->next_)
        wire->cancel();
}

Wire::Impl::Impl(LoopExecutor executor, int socket, Endpoint peer, std::shared_ptr<WireList> list) :
    socket_(executor), timer_(executor), peer_(std::move(peer)), list_(std::move(list))
{
    boost::system::error_code error;
    socket_.assign(socket, error);
    if (error) {
        ::close(socket);
        break_with(ErrorCode::io, "epoll: " + error.message());
    }
    if (!list_)
        return;
    next_ = list_->first;
    if (next_ != nullptr)
        next_->previous_ = this;
    list_->first = this;
    if (list_->cancelled)
        cancel();
}

Wire::Impl::~Impl()
{
    close();
    if (!list_)
        return;
    (previous_ != nullptr ? previous_->next_ : list_->first) = next_;
    if (next_ != nullptr)
        next_->previous_ = previous_;
}

const Endpoint& Wire::Impl::local()
{
    if (local_.address.empty() && socket_.is_open())
        local_ = local_endpoint(socket_.native_handle());
    return local_;
}

void Wire::Impl::set_endpoints(Endpoint peer, Endpoint local)
{
    peer_ = std::move(peer);
    local_ = std::move(local);
}

void Wire::Impl::break_with(ErrorCode code, std::string text)
{
    if (!broken_)
        broken_ = std::make_unique<Error>(code, std::move(text));
}

// The peer's going is told by many names.
Wire::Impl::Tried Wire::Impl::socket_failed(int error_number)
{
    switch (error_number) {
    case EAGAIN: return Tried::would_block;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EBADF: break_with(ErrorCode::closed, system_error("connection lost", error_number).text); break;
    default: break_with(ErrorCode::io, system_error("connection", error_number).text);
    }
    return Tried::broken;
}

// ---- waiting

Task<Wire::Impl::Waited> Wire::Impl::wait(Direction direction, Deadline deadline, bool wakeable)
{
    const bool for_goodbye = direction == Direction::write && cancelled_;
    const SteadyTime until = for_goodbye ? std::min(deadline.at, goodbye_until_) : deadline.at;
    if (until != SteadyTime::max() && std::chrono::steady_clock::now() >= until)
        co_return Waited::timeout;
    if (!socket_.is_open()) {
        break_with(ErrorCode::closed, "closed by us");
        co_return Waited::again;
    }
    waiting_[std::size_t(direction)] = {true, wakeable, until};
    arm(until);
    eager_ = 0;
    const auto [error] =
        co_await socket_.async_wait(direction == Direction::read ? asio::posix::descriptor_base::wait_read
                                                                 : asio::posix::descriptor_base::wait_write,
                                    as_result);
    waiting_[std::size_t(direction)].active = false;
    if (direction == Direction::read)
        drained_ = false;
    if (error && error != asio::error::operation_aborted)
        break_with(ErrorCode::io, "epoll: " + error.message());
    co_return Waited::again;
}

void Wire::Impl::arm(SteadyTime until)
{
    if (until >= armed_)
        return;
    armed_ = until;
    timer_.expires_at(until);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        if (error)
            return;  // armed anew, or the wire is gone
        if (const std::shared_ptr<Impl> wire = weak.lock())
            wire->on_timer();
    });
}

void Wire::Impl::on_timer()
{
    armed_ = SteadyTime::max();
    const SteadyTime now = std::chrono::steady_clock::now();
    SteadyTime next = SteadyTime::max();
    bool passed = false;
    for (const Waiting& waiting : waiting_) {
        if (!waiting.active)
            continue;
        if (waiting.until <= now)
            passed = true;
        else
            next = std::min(next, waiting.until);
    }
    if (passed)
        interrupt(true);  // who has time left waits again, and arms the timer for it
    else
        arm(next);
}

void Wire::Impl::interrupt(bool also_writes)
{
    const bool reading = waiting_[std::size_t(Direction::read)].active;
    const bool writing = waiting_[std::size_t(Direction::write)].active;
    boost::system::error_code ignored;
    if (reading || (also_writes && writing))
        socket_.cancel(ignored);
}

void Wire::Impl::cancel()
{
    if (cancelled_)
        return;
    cancelled_ = true;
    goodbye_until_ = std::chrono::steady_clock::now() + goodbye_patience;
    interrupt(true);
}

void Wire::Impl::wake()
{
    woken_ = true;
    if (waiting_[std::size_t(Direction::read)].wakeable)
        interrupt(false);
}

Task<Result<void>> Wire::Impl::writable(Deadline deadline)
{
    const Waited waited = co_await wait(Direction::write, deadline);
    if (waited == Waited::timeout)
        co_return fail(ErrorCode::timeout, "no connection in time");
    co_return Result<void>{};
}

// ---- TLS and the end

Task<Result<void>> Wire::Impl::handshake(std::shared_ptr<const TlsCredentials> credentials, TlsSession::End end,
                                         std::string server_name, Deadline deadline)
{
    const std::shared_ptr<Impl> self = shared_from_this();
    if (tls_ || !input_.empty()) {
        unsendable_ = true;
        break_with(ErrorCode::tls, "bytes came ahead of the TLS handshake");
    }
    if (broken_)
        co_return fail(*broken_);
    tls_ = std::make_unique<TlsSession>(std::move(credentials), end, server_name);
    for (;;) {
        if (cancelled_)
            co_return fail(ErrorCode::cancelled, "shutting down");
        if (!socket_.is_open())
            co_return fail(ErrorCode::closed, "closed by us");
        const TlsSession::Outcome outcome = tls_->handshake(cipher_in_, cipher_out_);
        if (outcome == TlsSession::Outcome::failed || outcome == TlsSession::Outcome::closed) {
            flush_now();
            break_with(ErrorCode::tls, "handshake: " + tls_->error());
            unsendable_ = true;
            co_return fail(*broken_);
        }
        const Result<void> flushed = co_await flush(deadline);
        if (!flushed)
            co_return flushed;
        if (outcome == TlsSession::Outcome::done)
            break;
        const Tried received = receive(cipher_in_, Buffer::small_block, SIZE_MAX);
        if (received == Tried::broken)
            co_return fail(*broken_);
        if (received == Tried::progress)
            continue;
        cipher_in_.rest();
        const Waited waited = co_await wait(Direction::read, deadline);
        if (waited == Waited::timeout)
            co_return fail(ErrorCode::timeout, "TLS handshake too slow");
    }
    secured_ = true;
    co_return Result<void>{};
}

Result<void> Wire::Impl::start_deflate()
{
    if (!input_.empty() || inflater_)
        return fail(ErrorCode::malformed, "bytes came ahead of the compression");
    inflater_ = std::make_unique<Inflater>();
    return {};
}

void Wire::Impl::input_begins_handshake()
{
    cipher_in_.append(input_.view());
    input_.release();
}

Task<void> Wire::Impl::linger(Deadline deadline)
{
    const std::shared_ptr<Impl> self = shared_from_this();
    input_.release();
    if (secured_ && !unsendable_) {
        tls_->close(cipher_out_);
        const Result<void> ignored = co_await flush(deadline);
        unsendable_ = true;
    }
    ::shutdown(socket(), SHUT_WR);
    std::size_t total = 0;
    while (total < most_lingering && socket_.is_open()) {
        Buffer dropped;
        const Tried received = receive(dropped, Buffer::small_block, SIZE_MAX);
        if (received == Tried::broken)
            break;
        total += dropped.size();
        if (received == Tried::progress)
            continue;
        dropped.release();
        const Deadline until{cancelled_ ? std::min(deadline.at, goodbye_until_) : deadline.at};
        const Waited waited = co_await wait(Direction::read, until);
        if (waited == Waited::timeout)
            break;
    }
    close();
}

void Wire::Impl::close()
{
    if (!socket_.is_open())
        return;
    if (secured_ && !unsendable_ && !waiting_[std::size_t(Direction::write)].active) {
        tls_->close(cipher_out_);
        flush_now();
    }
    timer_.cancel();
    armed_ = SteadyTime::max();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace posthouse::net
