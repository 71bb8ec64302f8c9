#include "imap/server/channel.h"

namespace posthouse::imap {

Channel::Channel(net::Wire wire, const Clock& clock, Recorder& recorder, Id session, Duration write_patience) :
    wire_(std::move(wire)), clock_(clock), write_patience_(write_patience), transcript_(recorder, session)
{
}

Task<Result<void>> Channel::flush()
{
    if (out_.empty())
        co_return Result<void>{};
    std::vector<std::string> pieces = out_.take();
    for (const std::string& piece : pieces)
        transcript_.server(piece);
    const Result<void> sent = co_await wire_.write(std::move(pieces), Deadline::in(clock_, write_patience_));
    co_return sent;
}

Task<Result<void>> Channel::flush_if_full()
{
    if (!is_full())
        co_return Result<void>{};
    co_return co_await flush();
}

Task<Result<void>> Channel::send(std::string bytes)
{
    const Result<void> before = co_await flush();
    if (!before)
        co_return before;
    transcript_.server(bytes);
    const Result<void> sent = co_await wire_.write(std::move(bytes), Deadline::in(clock_, write_patience_));
    co_return sent;
}

Task<Result<void>> Channel::fill(Deadline deadline, std::size_t most)
{
    if (!out_.empty()) {
        const Result<void> sent = co_await flush();
        if (!sent)
            co_return sent;
    }
    co_return co_await wire_.fill(deadline, most);
}

}  // namespace posthouse::imap
