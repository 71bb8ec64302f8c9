// One running SMTP session. Private to smtp/: session.cc holds the conversation, session_body.cc
// takes messages off the wire.
#pragma once

#include "net/line_framer.h"
#include "smtp/dialogue.h"
#include "smtp/session.h"

namespace posthouse::smtp {

// Lifetime: a local of serve(), so it outlives every await in it. What it refers to are services.
class Session {
public:
    Session(const ServerServices& services, const Patience& patience, net::Wire wire);

    Task<void> run();
    Task<void> apologise();  // after a bug

private:
    Task<bool> act_on(Step step);
    Task<Step> take_data();
    Task<Step> take_chunk(Chunk chunk);
    Task<Step> skip_chunk(Step step);
    Task<void> hand_on(std::string block);
    Task<Step> begin_tls(Step step);
    Task<Result<void>> flush();
    Task<Result<void>> fill(Deadline deadline);

    Step on_frame(const net::LineFramer::Frame& frame);
    Step judge(const net::LineFramer::Frame& frame);
    Step on_wire_error(const Error& error);
    void say(const Reply& reply);
    void note_tls();
    void tell_line(Speaker speaker, std::string_view line);
    void tell_step(std::string_view step, std::string_view result, std::string_view reason);
    void tell_sender(const Reply& verdict);
    void tell_recipient(const RecipientVerdict& verdict);
    Deadline within(Duration patience) const { return Deadline::in(services_.clock, patience); }

    const ServerServices& services_;
    const Patience& patience_;
    net::Wire wire_;
    SessionFacts facts_;
    std::unique_ptr<Agent> agent_;
    Dialogue dialogue_;
    net::LineFramer framer_;
    std::string out_;  // replies that are not sent yet
    LineEnds line_ends_;  // of a message that comes in chunks
    std::unique_ptr<Body> body_;  // of the message that is coming in
    std::optional<Reply> refusal_;  // what the message will be answered, though more of it comes
    std::uint64_t taken_ = 0;  // bytes of the message so far
    Deadline message_deadline_;
    Id message_ = 0;  // that the lines being told belong to
    std::string asked_;  // the recipient they speak of, while it is RCPT's turn
};

}  // namespace posthouse::smtp
