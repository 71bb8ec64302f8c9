// Messages on their way in: DATA to its dot, BDAT chunks, and chunks nobody wants.
#include "smtp/session_impl.h"

#include <fmt/format.h>

namespace posthouse::smtp {

// Gives a piece to the agent, unless the message is refused already.
Task<void> Session::hand_on(std::string block)
{
    taken_ += block.size();
    if (!refusal_ && taken_ > services_.door.offer().most_bytes)
        refusal_ = dialogue_.too_large();
    if (refusal_ || block.empty())
        co_return;
    std::optional<Reply> refused = co_await body_->append(std::move(block));
    if (refused) {
        refusal_ = std::move(refused);
        body_.reset();
    }
}

Task<Step> Session::take_data()
{
    DataFramer framer;
    for (;;) {
        std::string block;
        block.reserve(wire_.input().size());
        const DataFramer::Frame frame = framer.next(wire_.input(), block);
        wire_.consume(frame.consumed);
        if (frame.event == BodyEvent::bare_lf || frame.event == BodyEvent::bare_cr)
            co_return dialogue_.on_broken_message(frame.event);
        co_await hand_on(std::move(block));
        if (frame.event == BodyEvent::end)
            break;
        if (taken_ > 2 * services_.door.offer().most_bytes)
            co_return dialogue_.on_endless_message();
        const Result<void> filled = co_await fill({std::min(message_deadline_.at, within(patience_.data_block).at)});
        if (!filled)
            co_return on_wire_error(filled.error());
    }
    if (services_.recorder.wanted())
        tell_line(Speaker::client, fmt::format("[{} bytes of message]", taken_));
    if (refusal_)
        co_return dialogue_.on_message(std::move(*refusal_));
    Reply verdict = co_await body_->finish();
    body_.reset();
    co_return dialogue_.on_message(std::move(verdict));
}

Task<Step> Session::take_chunk(Chunk chunk)
{
    std::uint64_t left = chunk.size;
    while (left > 0) {
        if (wire_.input().empty()) {
            const Result<void> filled =
                co_await fill({std::min(message_deadline_.at, within(patience_.data_block).at)});
            if (!filled)
                co_return on_wire_error(filled.error());
        }
        std::string block(wire_.input().substr(0, std::min<std::uint64_t>(left, wire_.input().size())));
        wire_.consume(block.size());
        left -= block.size();
        const BodyEvent fault = line_ends_.check(block);
        if (fault != BodyEvent::need_more)
            co_return dialogue_.on_broken_message(fault);
        co_await hand_on(std::move(block));
    }
    if (services_.recorder.wanted())
        tell_line(Speaker::client, fmt::format("[{} bytes of message]", chunk.size));
    if (chunk.is_last && line_ends_.waits_for_lf())
        co_return dialogue_.on_broken_message(BodyEvent::bare_cr);
    if (refusal_)
        co_return chunk.is_last ? dialogue_.on_message(std::move(*refusal_)) : dialogue_.on_chunk(std::move(refusal_));
    if (!chunk.is_last)
        co_return dialogue_.on_chunk(std::nullopt);
    Reply verdict = co_await body_->finish();
    body_.reset();
    co_return dialogue_.on_message(std::move(verdict));
}

// The bytes of a chunk that was refused: read, never looked at.
Task<Step> Session::skip_chunk(Step step)
{
    std::uint64_t left = step.chunk.size;
    const Deadline whole = within(patience_.message);
    while (left > 0) {
        if (wire_.input().empty()) {
            const Result<void> filled = co_await fill({std::min(whole.at, within(patience_.data_block).at)});
            if (!filled)
                co_return on_wire_error(filled.error());
        }
        const std::size_t count = std::min<std::uint64_t>(left, wire_.input().size());
        wire_.consume(count);
        left -= count;
    }
    step.next = Next::command;
    co_return step;
}

}  // namespace posthouse::smtp
