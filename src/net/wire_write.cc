// Writing: all pieces by one gathering call where the kernel takes them, or as few TLS records.
#include "net/wire_impl.h"

#include <algorithm>
#include <array>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

namespace posthouse::net {

namespace {

constexpr std::size_t most_ciphertext = 64 * 1024;  // encrypted ahead of the socket

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
        if (front.size() >= TlsSession::most_plain || unsent.is_last()) {
            const std::string_view record = front.substr(0, TlsSession::most_plain);
            if (!tls.write(record, out))
                return false;
            unsent.advance(record.size());
            continue;
        }
        Buffer joined;
        while (!unsent.empty() && joined.size() < TlsSession::most_plain) {
            const std::string_view piece = unsent.front().substr(0, TlsSession::most_plain - joined.size());
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

Task<Result<void>> Wire::Impl::write_deflated(std::vector<std::string> pieces, Deadline deadline)
{
    Result<std::string> packed = deflate(pieces);
    if (!packed)
        co_return fail(packed.error());
    pieces.clear();
    co_return co_await write(std::array<std::string, 1>{*std::move(packed)}, deadline);
}

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

}  // namespace posthouse::net
