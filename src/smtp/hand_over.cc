#include "smtp/hand_over.h"

#include <fmt/format.h>

namespace posthouse::smtp {

Task<std::optional<Reply>> HandOver::append(std::string piece)
{
    bytes_ += piece.size();
    if (recorder_.wanted())
        message_id_.watch(piece);
    const Result<void> kept = co_await incoming_->append(std::move(piece));
    if (kept)
        co_return std::nullopt;
    Reply reply = reply_to(kept.error());
    tell("refused", reply, kept.error().text);
    co_return reply;
}

Task<Reply> HandOver::finish()
{
    const Result<Taken> taken = co_await incoming_->commit();
    if (!taken) {
        Reply reply = reply_to(taken.error());
        tell("refused", reply, taken.error().text);
        co_return reply;
    }
    Reply reply{250, "2.0.0", fmt::format("{} bytes queued as {}", bytes_, id_text(taken->message))};
    accepted(reply);
    co_return reply;
}

Reply HandOver::refuse(Reply reply) const
{
    tell("refused", reply, reply.text);
    return reply;
}

void HandOver::accepted(const Reply& reply) const
{
    const std::string_view reason = "safe on disk: from here on it is ours to deliver";
    if (recorder_.wanted())
        recorder_.step({.session = facts_.session,
                        .message = message_,
                        .room = room_,
                        .step = "accepted",
                        .result = reply.codes(),
                        .reason = reason,
                        .message_id = message_id_.id(),
                        .size = bytes_});
    log(LogLevel::info, "accepted", reply, reason);
}

void HandOver::tell(std::string_view step, const Reply& reply, std::string_view reason) const
{
    if (recorder_.wanted())
        recorder_.step({facts_.session, message_, room_, step, reply.codes(), reason});
    log(LogLevel::warning, step, reply, reason);
}

void HandOver::log(LogLevel level, std::string_view step, const Reply& reply, std::string_view reason) const
{
    log_.write(level, room_, message_, step,
               {{"session", id_text(facts_.session)},
                {"peer", facts_.peer.text()},
                {"reply", reply.line()},
                {"reason", std::string(reason)}});
}

}  // namespace posthouse::smtp
