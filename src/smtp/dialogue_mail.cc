// The dialogue's mail transaction: MAIL, RCPT, DATA, BDAT, and what became of the message.
#include "smtp/dialogue.h"

#include <fmt/format.h>

namespace posthouse::smtp {

Extensions Dialogue::extensions() const
{
    return {.dsn = offer_.dsn,
            .auth = agent_.knows_auth(),
            .longest_hold = offer_.longest_hold,
            .deliver_by = offer_.deliver_by,
            .priority = offer_.priority,
            .now = session_.now};
}

Step Dialogue::mail(std::string_view argument)
{
    Parsed<Envelope> envelope = mail_argument(argument, extensions());
    if (!envelope)
        return answer(envelope.error());
    const Path& sender = envelope->reverse_path;
    if (!envelope->smtputf8 && !(is_ascii(sender.local_part) && is_ascii(sender.domain)))
        return answer(553, "5.6.7", "an address with other letters than ASCII needs SMTPUTF8 behind it");
    if (envelope->declared_size > offer_.most_bytes)
        return answer(too_large());
    reset();
    transaction_.message = agent_.next_message_id();
    transaction_.envelope = std::move(*envelope);
    // RFC 6710 section 9: whoever is not known cannot jump the queue; to stand back is anybody's right.
    if (facts_.login.empty() && transaction_.envelope.priority > 0) {
        transaction_.envelope.priority = 0;
        transaction_.priority_was_lowered = true;
    }
    return {{}, Next::ask_sender};
}

Step Dialogue::on_sender(Reply verdict)
{
    if (verdict.is_success() && transaction_.priority_was_lowered)
        verdict = {250, "2.3.6", "0 is the new priority: a higher one takes a login"};
    if (verdict.is_success())
        session_.state = State::mail;
    else
        reset();
    return answer(std::move(verdict));
}

Step Dialogue::rcpt(std::string_view argument)
{
    Parsed<Recipient> recipient = rcpt_argument(argument, extensions());
    if (!recipient)
        return answer(recipient.error());
    const Path& path = recipient->path;
    if (!transaction_.envelope.smtputf8 && !(is_ascii(path.local_part) && is_ascii(path.domain)))
        return answer(553, "5.6.7", "an address with other letters than ASCII needs SMTPUTF8 behind MAIL");
    if (transaction_.envelope.recipients.size() >= offer_.most_recipients) {
        // RFC 5321 section 4.5.3.1.10. A list server splits; who goes on and on does not listen.
        const bool does_not_listen = ++transaction_.refused_recipients > offer_.most_recipients;
        if (does_not_listen && ++session_.errors >= most_errors)
            return goodbye({421, "4.7.0", "too many errors; come back with fewer"});
        return answer(452, "4.5.3",
                      fmt::format("too many recipients; {} a message are the most", offer_.most_recipients));
    }
    transaction_.asked = std::move(*recipient);
    return {{}, Next::ask_recipient};
}

Step Dialogue::on_recipient(RecipientVerdict verdict)
{
    if (verdict.reply.is_success()) {
        transaction_.envelope.recipients.push_back(std::move(verdict.recipient));
        session_.state = State::rcpt;
    } else {
        ++transaction_.refused_recipients;
    }
    return answer(std::move(verdict.reply));
}

// --- content ----------------------------------------------------------------------------------

Step Dialogue::data(std::string_view argument)
{
    const Parsed<void> nothing = no_argument(Verb::data, argument);
    if (!nothing)
        return answer(nothing.error());
    if (session_.state == State::mail)  // RFC 2920 section 3.1: a pipelining client may come here so
        return transaction_.refused_recipients > 0 ? answer(554, "5.5.1", "no valid recipients")
                                                   : answer(503, "5.5.1", "say RCPT before DATA");
    transaction_.chunk.reset();
    return {{}, Next::ask_body};
}

Step Dialogue::bdat(std::string_view argument)
{
    const Parsed<Chunk> chunk = bdat_argument(argument);
    if (!chunk)
        return refuse_chunk(chunk.error(), argument);
    if (session_.state == State::mail)
        return refuse_chunk(transaction_.refused_recipients > 0 ? Reply{554, "5.5.1", "no valid recipients"}
                                                                : Reply{503, "5.5.1", "say RCPT before BDAT"},
                            argument);
    const std::uint64_t room = offer_.most_bytes - transaction_.chunk_bytes;
    if (chunk->size > room)
        return refuse_chunk(
            {552, "5.3.4", fmt::format("the message is too large; {} bytes are the most", offer_.most_bytes)},
            argument);
    transaction_.chunk_bytes += chunk->size;
    transaction_.chunk = *chunk;
    if (session_.state == State::chunks)
        return {{}, Next::take_chunk, *chunk};
    return {{}, Next::ask_body};
}

// RFC 3030 section 2: the bytes of a chunk come whatever we think of it. Where we cannot know how
// many, or they are beyond reason, nothing behind them can be understood: the session ends.
Step Dialogue::refuse_chunk(Reply reply, std::string_view argument)
{
    const Parsed<Chunk> chunk = bdat_argument(argument);
    if (!chunk || chunk->size > 2 * offer_.most_bytes)
        return goodbye(std::move(reply));
    return skip(std::move(reply), *chunk);
}

Step Dialogue::skip(Reply reply, Chunk chunk)
{
    const bool in_a_message =
        session_.state == State::rcpt || session_.state == State::chunks || session_.state == State::chunks_refused;
    if (in_a_message && chunk.is_last)
        session_.state = State::ready;
    else if (in_a_message)
        session_.state = State::chunks_refused;
    if (in_a_message)
        reset();
    Step step = answer(std::move(reply));
    if (step.next == Next::command) {
        step.next = Next::skip_chunk;
        step.chunk = chunk;
    }
    return step;
}

Step Dialogue::on_body(std::optional<Reply> refusal)
{
    if (transaction_.chunk) {
        if (refusal)
            return skip(std::move(*refusal), *transaction_.chunk);
        session_.state = State::chunks;
        return {{}, Next::take_chunk, *transaction_.chunk};
    }
    if (refusal)
        return on_message(std::move(*refusal));
    return {{354, "", "send the message, then a line with a single dot"}, Next::take_data};
}

Step Dialogue::on_chunk(std::optional<Reply> refusal)
{
    if (!refusal)
        return answer(250, "2.0.0", fmt::format("{} bytes taken", transaction_.chunk->size));
    session_.state = State::chunks_refused;
    reset();
    return answer(std::move(*refusal));
}

Step Dialogue::on_message(Reply verdict)
{
    session_.state = State::ready;
    reset();
    if (verdict.is_success())
        session_.errors = 0;
    return answer(std::move(verdict));
}

Step Dialogue::on_broken_message(BodyEvent fault)
{
    return goodbye({554, "5.6.0",
                    fault == BodyEvent::bare_lf
                        ? "the message has a LF without CR before it; its lines must end with CRLF"
                        : "the message has a CR without LF behind it; its lines must end with CRLF"});
}

}  // namespace posthouse::smtp
