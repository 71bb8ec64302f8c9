// Reading: what the socket has, decrypted where TLS is on, until it would block.
#include "net/wire_impl.h"

#include "net/endpoint.h"

#include <algorithm>
#include <span>

#include <sys/socket.h>

namespace posthouse::net {

namespace {

// A peer whose bytes are always there already must not keep the other sessions of its loop waiting.
constexpr unsigned eager_reads = 16;

// Compressed bytes that wait to be inflated.
constexpr std::size_t most_packed = 64 * 1024;

// OpenSSL is given whole records only: from a part of one it would set up a buffer of 17 KiB and
// keep it while a slow peer sends the rest. What no record can be goes to it as well, to be refused.
bool has_record(const Buffer& ciphertext)
{
    static constexpr std::size_t header = 5;  // type, version, length (RFC 8446 section 5.1)
    static constexpr std::size_t longest = 16 * 1024 + 2048;  // RFC 5246 section 6.2.3
    const std::string_view bytes = ciphertext.view();
    if (bytes.size() < header)
        return false;
    const std::size_t length = static_cast<unsigned char>(bytes[3]) * 256u + static_cast<unsigned char>(bytes[4]);
    return length > longest || bytes.size() >= header + length;
}

}  // namespace

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
        const Tried tried = inflater_ ? try_read_deflated(most) : try_read(input_, most);
        if (tried == Tried::progress)
            break;
        if (tried == Tried::broken)
            continue;
        input_.rest();
        cipher_in_.rest();
        packed_in_.rest();
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

Wire::Impl::Tried Wire::Impl::try_read(Buffer& into, std::size_t most)
{
    return tls_ ? try_read_tls(into, most) : try_read_plain(into, most);
}

Wire::Impl::Tried Wire::Impl::try_read_plain(Buffer& into, std::size_t most)
{
    const std::size_t left = most - into.size();
    const std::size_t block = bulk_ ? Buffer::large_block : Buffer::small_block;
    const std::size_t least = into.size() < block / 2 ? block - into.size() : block / 2;
    return receive(into, std::min(least, left), left);
}

// What waits packed is inflated first, up to `most`; bytes are taken from the socket when that gave nothing.
Wire::Impl::Tried Wire::Impl::try_read_deflated(std::size_t most)
{
    const std::size_t before = input_.size();
    for (;;) {
        inflate_some(most);
        if (input_.size() > before)
            return Tried::progress;
        if (broken_)
            return Tried::broken;
        const Tried tried = try_read(packed_in_, most_packed);
        if (tried != Tried::progress)
            return tried;
    }
}

void Wire::Impl::inflate_some(std::size_t most)
{
    while (input_.size() < most) {
        std::string_view packed = packed_in_.view();
        const std::span<char> block = input_.room(std::min(most - input_.size(), Buffer::small_block));
        std::span<char> room = block.first(std::min(block.size(), most - input_.size()));
        const std::size_t offered = room.size();
        const Inflater::Outcome outcome = inflater_->inflate(packed, room);
        input_.commit(offered - room.size());
        packed_in_.consume(packed_in_.size() - packed.size());
        if (outcome == Inflater::Outcome::more)
            continue;
        if (outcome == Inflater::Outcome::ended)
            break_with(ErrorCode::closed, "the peer ended its compressed stream");
        else if (outcome == Inflater::Outcome::broken)
            break_with(ErrorCode::malformed, "what came is not DEFLATE");
        return;
    }
}

// Decrypts what is there, up to `most`; receives when that gave nothing.
Wire::Impl::Tried Wire::Impl::try_read_tls(Buffer& into, std::size_t most)
{
    const std::size_t before = into.size();
    for (;;) {
        while (into.size() < most && (has_record(cipher_in_) || tls_->has_pending())) {
            const TlsSession::Outcome outcome = decrypt_record(into, most - into.size());
            if (outcome == TlsSession::Outcome::closed)
                break_with(ErrorCode::closed, "the peer closed the connection");
            else if (outcome == TlsSession::Outcome::failed)
                break_with(ErrorCode::tls, tls_->error());
            if (outcome != TlsSession::Outcome::done)
                break;
        }
        if (into.size() > before)
            return Tried::progress;
        if (broken_)
            return Tried::broken;
        const Tried received = receive(cipher_in_, bulk_ ? Buffer::large_block : Buffer::small_block, SIZE_MAX);
        if (received != Tried::progress)
            return received;
    }
}

TlsSession::Outcome Wire::Impl::decrypt_record(Buffer& into, std::size_t most)
{
    const std::span<char> room = into.room(std::min(most, TlsSession::most_plain));
    std::size_t count = 0;
    const TlsSession::Outcome outcome =
        tls_->read(cipher_in_, cipher_out_, room.first(std::min(room.size(), most)), count);
    into.commit(count);
    if (!cipher_out_.empty())
        flush_now();
    return outcome;
}

}  // namespace posthouse::net
