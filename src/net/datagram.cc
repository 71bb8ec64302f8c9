#include "net/datagram.h"

#include "net/endpoint.h"
#include "net/listening_socket.h"

#include <cerrno>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

namespace posthouse::net {

namespace {

constexpr std::size_t largest_datagram = 64 * 1024;

}  // namespace

struct DatagramSocket::State {
    explicit State(LoopExecutor executor) : socket(executor) { }
    asio::posix::basic_stream_descriptor<LoopExecutor> socket;
    std::uint16_t port = 0;
    bool cancelled = false;
};

DatagramSocket::DatagramSocket(std::unique_ptr<State> state) : state_(std::move(state)) { }
DatagramSocket::~DatagramSocket() = default;
std::uint16_t DatagramSocket::port() const { return state_->port; }

Result<std::unique_ptr<DatagramSocket>> DatagramSocket::bind(LoopExecutor executor, const std::string& address,
                                                             std::uint16_t port)
{
    Result<SocketAddress> target = to_socket_address(address, port);
    if (!target)
        return fail(target.error());
    Descriptor socket(::socket(target->family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return fail(system_error("socket", errno));
    if (::bind(socket.number(), target->data(), target->length) != 0) {
        const int why = errno;
        Error error = system_error(fmt::format("UDP port {} on {}", port, address), why);
        if (why == EADDRINUSE)
            error.code = ErrorCode::already_exists;
        return fail(std::move(error));
    }
    auto state = std::make_unique<State>(executor);
    state->port = local_endpoint(socket.number()).port;
    boost::system::error_code error;
    state->socket.assign(socket.number(), error);
    if (error)
        return fail(ErrorCode::io, error.message());
    socket.release();
    return std::unique_ptr<DatagramSocket>(new DatagramSocket(std::move(state)));
}

Task<Result<Datagram>> DatagramSocket::receive()
{
    for (;;) {
        if (state_->cancelled)
            co_return fail(ErrorCode::cancelled);
        SocketAddress from;
        std::string bytes;
        ssize_t count = 0;
        bytes.resize_and_overwrite(largest_datagram, [&](char* room, std::size_t most) {
            count = ::recvfrom(state_->socket.native_handle(), room, most, 0, from.data(), &from.length);
            return static_cast<std::size_t>(std::max<ssize_t>(count, 0));
        });
        if (count >= 0) {
            bytes.shrink_to_fit();
            co_return Datagram{std::move(bytes), to_endpoint(from)};
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            [[maybe_unused]] const auto [ended] =
                co_await state_->socket.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(use_task));
        } else if (errno != EINTR && errno != ECONNREFUSED) {  // the latter: news of an earlier send
            co_return fail(system_error("recvfrom", errno));
        }
    }
}

Result<void> DatagramSocket::send(std::string_view bytes, const Endpoint& to)
{
    Result<SocketAddress> target = to_socket_address(to.address, to.port);
    if (!target)
        return fail(target.error());
    const ssize_t sent = ::sendto(state_->socket.native_handle(), bytes.data(), bytes.size(),
                                  MSG_NOSIGNAL | MSG_DONTWAIT, target->data(), target->length);
    if (sent < 0)
        return fail(system_error("sendto", errno));
    return {};
}

void DatagramSocket::cancel()
{
    state_->cancelled = true;
    boost::system::error_code ignored;
    state_->socket.cancel(ignored);
}

}  // namespace posthouse::net
