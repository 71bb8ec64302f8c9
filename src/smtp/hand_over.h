// Hands a message's bytes to the Intake, and turns what comes of it into replies, log and journey.
#pragma once

#include "base/log.h"
#include "base/recorder.h"
#include "smtp/agent.h"
#include "smtp/intake.h"
#include "smtp/trace.h"

namespace posthouse::smtp {

// One message. Dropped without finish(): it never was. Threads: the session's loop.
class HandOver {
public:
    // `room` is of static storage; `facts`, `recorder` and `log` outlive this.
    HandOver(std::unique_ptr<Incoming> incoming, Id message, const SessionFacts& facts, std::string_view room,
             Recorder& recorder, Log& log) :
        incoming_(std::move(incoming)), message_(message), facts_(facts), room_(room), recorder_(recorder), log_(log)
    {
    }

    // A reply: refused.
    Task<std::optional<Reply>> append(std::string piece);
    // "250 2.0.0 … queued as ID" once it is safe on disk; or why it is not.
    Task<Reply> finish();
    // Tells why the message is not taken, and gives the reply back.
    Reply refuse(Reply reply) const;

private:
    void tell(std::string_view step, const Reply& reply, std::string_view reason) const;
    void accepted(const Reply& reply) const;
    void log(LogLevel level, std::string_view step, const Reply& reply, std::string_view reason) const;

    std::unique_ptr<Incoming> incoming_;
    Id message_;
    const SessionFacts& facts_;
    std::string_view room_;
    Recorder& recorder_;
    Log& log_;
    std::uint64_t bytes_ = 0;
    MessageIdWatch message_id_;
};

}  // namespace posthouse::smtp
