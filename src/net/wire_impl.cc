#include "net/wire_impl.h"

#include "net/endpoint.h"

#include <algorithm>
#include <array>
#include <span>

#include <boost/asio/as_tuple.hpp>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace posthouse::net {

namespace {

// After cancel(): the time for the last reply and the goodbye.
constexpr auto goodbye_patience = 5s;
// A peer whose bytes are always there already must not keep the other sessions of its loop waiting.
constexpr unsigned eager_reads = 16;
constexpr std::size_t tls_record = 16 * 1024;
constexpr std::size_t most_ciphertext = 64 * 1024;  // encrypted ahead of the socket
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

// ---- reading

template <class T> Task<Result<T>> Wire::Impl::fill(Deadline deadline, std::size_t most)
{
    static constexpr bool wakeable = std::is_same_v<T, Filled>;
    const std::shared_ptr<Impl> self = shared_from_this();  // whoever closes us meanwhile
    if (input_.size() >= most)
        co_return fail(ErrorCode::too_large, "the peer sends more than this step takes");
    for (;;) {
        if constexpr (wakeable) {
            if (std::exchange(woken_, false))
                co_return Filled::woken;
        }
        if (cancelled_)
            co_return fail(ErrorCode::cancelled, "shutting down");
        if (broken_)
            co_return fail(*broken_);
        if (!socket_.is_open())
            co_return fail(ErrorCode::closed, "closed by us");
        const Tried tried = tls_ ? try_read_tls(most) : try_read(most);
        if (tried == Tried::progress)
            break;
        if (tried == Tried::broken)
            continue;
        input_.rest();
        cipher_in_.rest();
        const Waited waited = co_await wait(Direction::read, deadline, wakeable);
        if (waited == Waited::timeout)
            co_return fail(ErrorCode::timeout, "the peer sent nothing for too long");
    }
    if (++eager_ >= eager_reads) {
        eager_ = 0;
        co_await asio::post(socket_.get_executor(), use_task);
    }
    if constexpr (wakeable)
        co_return Filled::bytes;
    else
        co_return Result<void>{};
}

template Task<Result<void>> Wire::Impl::fill<void>(Deadline, std::size_t);
template Task<Result<Filled>> Wire::Impl::fill<Filled>(Deadline, std::size_t);

// A receive that leaves room in its block has emptied the socket; the wait that follows looks
// again by itself (epoll_ctl reports what is there already), so no call is spent on EAGAIN.
Wire::Impl::Tried Wire::Impl::receive(Buffer& buffer, std::size_t least, std::size_t most)
{
    if (drained_)
        return Tried::would_block;
    const std::span<char> room = buffer.room(least);
    const std::size_t wanted = std::min(room.size(), most);
    ssize_t count;
    do
        count = ::recv(socket(), room.data(), wanted, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0) {
        drained_ = errno == EAGAIN;
        return socket_failed(errno);
    }
    if (count == 0) {
        break_with(ErrorCode::closed, "the peer closed the connection");
        return Tried::broken;
    }
    buffer.commit(static_cast<std::size_t>(count));
    drained_ = static_cast<std::size_t>(count) < wanted;
    bulk_ = static_cast<std::size_t>(count) >= Buffer::small_block / 2;
    return Tried::progress;
}

Wire::Impl::Tried Wire::Impl::try_read(std::size_t most)
{
    const std::size_t left = most - input_.size();
    const std::size_t block = bulk_ ? Buffer::large_block : Buffer::small_block;
    const std::size_t least = input_.size() < block / 2 ? block - input_.size() : block / 2;
    return receive(input_, std::min(least, left), left);
}

// Decrypts what is there, up to `most`; receives when that gave nothing.
Wire::Impl::Tried Wire::Impl::try_read_tls(std::size_t most)
{
    const std::size_t before = input_.size();
    for (;;) {
        while (input_.size() < most && (!cipher_in_.empty() || tls_->has_pending())) {
            const TlsSession::Outcome outcome = decrypt_record(most - input_.size());
            if (outcome == TlsSession::Outcome::closed)
                break_with(ErrorCode::closed, "the peer closed the connection");
            else if (outcome == TlsSession::Outcome::failed)
                break_with(ErrorCode::tls, tls_->error());
            if (outcome != TlsSession::Outcome::done)
                break;
        }
        if (input_.size() > before)
            return Tried::progress;
        if (broken_)
            return Tried::broken;
        const Tried received = receive(cipher_in_, bulk_ ? Buffer::large_block : Buffer::small_block, SIZE_MAX);
        if (received != Tried::progress)
            return received;
    }
}

TlsSession::Outcome Wire::Impl::decrypt_record(std::size_t most)
{
    const std::span<char> room = input_.room(std::min(most, tls_record));
    std::size_t count = 0;
    const TlsSession::Outcome outcome =
        tls_->read(cipher_in_, cipher_out_, room.first(std::min(room.size(), most)), count);
    input_.commit(count);
    if (!cipher_out_.empty())
        flush_now();
    return outcome;
}

// ---- writing

namespace {

// How far a write has got in its pieces.
template <class Pieces> class Unsent {
public:
    explicit Unsent(const Pieces& pieces) : pieces_(pieces) { skip_empty(); }

    bool empty() const { return index_ == pieces_.size(); }
    bool is_last() const { return index_ + 1 == pieces_.size(); }
    std::string_view front() const { return std::string_view(pieces_[index_]).substr(offset_); }
    void advance(std::size_t count)
    {
        while (count > 0 && !empty()) {
            const std::size_t step = std::min(count, front().size());
            offset_ += step;
            count -= step;
            skip_empty();
        }
    }
    std::size_t gather(std::span<iovec> out) const
    {
        std::size_t used = 0;
        std::size_t offset = offset_;
        for (std::size_t i = index_; i < pieces_.size() && used < out.size(); ++i, offset = 0)
            if (pieces_[i].size() > offset)
                out[used++] = {const_cast<char*>(pieces_[i].data()) + offset, pieces_[i].size() - offset};
        return used;
    }

private:
    void skip_empty()
    {
        while (!empty() && offset_ >= pieces_[index_].size()) {
            ++index_;
            offset_ = 0;
        }
    }

    const Pieces& pieces_;
    std::size_t index_ = 0;
    std::size_t offset_ = 0;
};

// Small pieces share a record; a large one is cut into full records without being copied.
template <class Pieces> bool encrypt_some(Unsent<Pieces>& unsent, TlsSession& tls, Buffer& out)
{
    while (!unsent.empty() && out.size() < most_ciphertext) {
        const std::string_view front = unsent.front();
        if (front.size() >= tls_record || unsent.is_last()) {
            const std::string_view record = front.substr(0, tls_record);
            if (!tls.write(record, out))
                return false;
            unsent.advance(record.size());
            continue;
        }
        Buffer joined;
        while (!unsent.empty() && joined.size() < tls_record) {
            const std::string_view piece = unsent.front().substr(0, tls_record - joined.size());
            joined.append(piece);
            unsent.advance(piece.size());
        }
        if (!tls.write(joined.view(), out))
            return false;
    }
    return true;
}

}  // namespace

Wire::Impl::Tried Wire::Impl::send_some(std::span<const iovec> pieces, std::size_t& sent)
{
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    ssize_t result;
    do
        result = ::sendmsg(socket(), &message, MSG_NOSIGNAL);
    while (result < 0 && errno == EINTR);
    sent = result > 0 ? static_cast<std::size_t>(result) : 0;
    return result >= 0 ? Tried::progress : socket_failed(errno);
}

template <class Pieces> Task<Result<void>> Wire::Impl::write(Pieces pieces, Deadline deadline)
{
    const std::shared_ptr<Impl> self = shared_from_this();
    Unsent<Pieces> unsent(pieces);
    while (!unsent.empty() || !cipher_out_.empty()) {
        if (unsendable_ || !socket_.is_open())
            co_return fail(broken_ ? *broken_ : Error{ErrorCode::closed, "closed by us"});
        std::size_t sent = 0;
        Tried tried = Tried::progress;
        if (tls_) {
            if (secured_ && !encrypt_some(unsent, *tls_, cipher_out_)) {
                unsendable_ = true;
                break_with(ErrorCode::tls, "cannot encrypt");
                continue;
            }
            const iovec ciphertext{const_cast<char*>(cipher_out_.view().data()), cipher_out_.size()};
            tried = send_some({&ciphertext, 1}, sent);
            cipher_out_.consume(sent);
        } else {
            std::array<iovec, 64> gathered;
            tried = send_some({gathered.data(), unsent.gather(gathered)}, sent);
            unsent.advance(sent);
        }
        if (tried == Tried::broken)
            unsendable_ = true;
        if (tried != Tried::would_block)
            continue;
        const Waited waited = co_await wait(Direction::write, deadline);
        if (waited == Waited::timeout) {
            // Part of it may have gone: nothing can follow it.
            unsendable_ = true;
            break_with(ErrorCode::timeout, "the peer did not take what was sent");
        }
    }
    cipher_out_.rest();
    co_return Result<void>{};
}

template Task<Result<void>> Wire::Impl::write(std::array<std::string, 1>, Deadline);
template Task<Result<void>> Wire::Impl::write(std::vector<std::string>, Deadline);

Task<Result<void>> Wire::Impl::flush(Deadline deadline) { return write(std::array<std::string, 1>{}, deadline); }

void Wire::Impl::flush_now()
{
    if (waiting_[std::size_t(Direction::write)].active || unsendable_)
        return;  // a write is under way and takes it along
    const std::string_view ciphertext = cipher_out_.view();
    const ssize_t sent = ::send(socket(), ciphertext.data(), ciphertext.size(), MSG_NOSIGNAL);
    if (sent > 0)
        cipher_out_.consume(static_cast<std::size_t>(sent));
    cipher_out_.rest();
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
