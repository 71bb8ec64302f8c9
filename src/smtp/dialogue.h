// What is said in an SMTP session, and when: a command to a reply and a next step.
//
// Pure: no socket, no clock. Where an answer takes somebody else (is there such a user?), the step
// says what to ask; the session asks the agent and gives the verdict back. From every state each
// command gets exactly one reply (fuzzed).
//
// State of the session and of the transaction are two structs: RSET is `transaction_ = {}`.
#pragma once

#include "smtp/agent.h"
#include "smtp/body_framer.h"
#include "smtp/command_grammar.h"

#include <array>
#include <utility>

namespace posthouse::smtp {

enum class State : std::uint8_t {
    start,  // no HELO yet, or TLS has just begun
    ready,  // greeted; no transaction
    mail,  // MAIL accepted
    rcpt,  // and at least one RCPT
    chunks,  // BDAT has begun
    chunks_refused,  // a BDAT was refused: only RSET or a new greeting leads on (RFC 3030 section 2)
    auth,  // the next line is a SASL response
    ended,
};

// What the session does next. Except where said otherwise, `reply` is sent first.
enum class Next : std::uint8_t {
    command,  // read the next one
    ask_sender,  // no reply yet: agent.sender(), then on_sender()
    ask_recipient,  // no reply yet: agent.recipient(), then on_recipient()
    ask_cancel,  // no reply yet: agent.cancel(), then on_cancel()
    ask_body,  // no reply yet: agent.begin(), then on_body()
    take_data,  // read to CRLF.CRLF, then on_message()
    take_chunk,  // no reply yet: read step.chunk bytes, then on_chunk() or, after the last, on_message()
    skip_chunk,  // read and forget step.chunk bytes, only then send the reply
    authenticate,  // no reply yet: agent.authenticate(), then on_auth()
    respond,  // no reply yet: agent.respond(), then on_auth()
    start_tls,  // handshake, then on_tls()
    close,
};

struct Step {
    Reply reply;
    Next next = Next::command;
    Chunk chunk;
};

// RFC 5321 section 4.5.3.1.4 says 512; MAIL and RCPT parameters add to it (RFC 1870, 3461, 4954,
// 6531). RFC 4954 section 4: 12,288 for AUTH and its responses.
inline constexpr std::size_t longest_command_line = 2048;
inline constexpr std::size_t longest_auth_line = 12'288;
inline constexpr unsigned most_errors = 20;
// A line of rubbish is answered once; a peer that sends more of it than this is left.
inline constexpr std::size_t most_swallowed = 48 * 1024;  // with the line itself under 64 kB (HOSTILE A10)

class Dialogue {
public:
    // `facts` and `agent` outlive this; the dialogue writes what it learns into the facts.
    Dialogue(const Offer& offer, SessionFacts& facts, Agent& agent, bool can_start_tls) :
        offer_(offer), facts_(facts), agent_(agent), can_start_tls_(can_start_tls)
    {
    }

    Step greet() const;
    // `now`: what relative times in the line count from, and limits on times in the answer.
    Step on_line(std::string_view line, WallTime now = {});
    enum class LineFault : std::uint8_t { bare_lf, bare_cr, too_long };
    Step on_bad_line(LineFault fault);

    Step on_sender(Reply verdict);
    Step on_recipient(RecipientVerdict verdict);
    Step on_cancel(Reply verdict) { return answer(std::move(verdict)); }
    Step on_body(std::optional<Reply> refusal);  // of the agent's begin()
    // A chunk that was not the last has been taken, or was refused.
    Step on_chunk(std::optional<Reply> refusal);
    // The whole message has been taken (250) or refused; the transaction is over.
    Step on_message(Reply verdict);
    // The bytes are not a message (bare LF or CR): nothing behind them is read any more.
    Step on_broken_message(BodyEvent fault);
    Step on_endless_message();  // twice the limit, and still no end of data
    Step on_endless_line();
    Step on_early_bytes();  // behind STARTTLS, before the handshake
    Step on_auth(AuthStep outcome);
    void on_tls();
    Step on_shutdown();
    Step on_timeout();

    State state() const { return session_.state; }
    unsigned errors() const { return session_.errors; }
    std::size_t longest_line() const;
    Reply too_large() const;
    Id message() const { return transaction_.message; }
    const Envelope& envelope() const { return transaction_.envelope; }
    Envelope take_envelope() { return std::exchange(transaction_.envelope, {}); }
    const Recipient& asked_recipient() const { return transaction_.asked; }
    Id to_cancel() const { return session_.to_cancel; }
    AuthStart take_auth_start() { return std::exchange(session_.auth_start, {}); }
    std::string take_auth_response() { return std::exchange(session_.auth_response, {}); }
    // `line` as it may be told to the recorder: no password, no SASL response. Before on_line().
    std::string recordable(std::string_view line) const;

private:
    struct Rule;
    static const Rule& rule_of(Verb verb);
    static const std::array<Rule, verbs> rules;

    struct Session {
        State state = State::start;
        unsigned errors = 0;
        Id to_cancel = 0;  // of the XCANCEL under way
        AuthStart auth_start;
        std::string auth_response;
        WallTime now;  // of the line that is being answered
        bool auth_was_refused = false;  // what comes next may be a password meant for the mechanism
    };
    struct Transaction {
        Id message = 0;
        Envelope envelope;
        Recipient asked;  // of the RCPT under way
        std::size_t refused_recipients = 0;
        std::uint64_t chunk_bytes = 0;  // of all chunks so far
        std::optional<Chunk> chunk;  // the one under way; none: DATA
        bool priority_was_lowered = false;
    };

    std::optional<Reply> check(const Rule& rule) const;
    Step on_auth_response(std::string_view line);
    // The reply counts where it is an error; too many of them and the session ends.
    Step answer(Reply reply);
    Step answer(int code, std::string_view enhanced, std::string text);
    Step goodbye(Reply reply);
    // Refuses a BDAT whose bytes come all the same: they are read and forgotten.
    Step refuse_chunk(Reply reply, std::string_view argument);
    Step skip(Reply reply, Chunk chunk);
    void reset() { transaction_ = {}; }
    Extensions extensions() const;

    // What each command does once check() has nothing against it.
    Step helo(std::string_view argument);
    Step ehlo(std::string_view argument);
    Step mail(std::string_view argument);
    Step rcpt(std::string_view argument);
    Step data(std::string_view argument);
    Step bdat(std::string_view argument);
    Step rset(std::string_view argument);
    Step noop(std::string_view argument);
    Step vrfy(std::string_view argument);
    Step expn(std::string_view argument);
    Step help(std::string_view argument);
    Step quit(std::string_view argument);
    Step starttls(std::string_view argument);
    Step auth(std::string_view argument);
    Step xcancel(std::string_view argument);
    Step http(std::string_view argument);
    Step unknown(std::string_view argument);

    const Offer& offer_;
    SessionFacts& facts_;
    Agent& agent_;
    bool can_start_tls_;
    Session session_;
    Transaction transaction_;
};

}  // namespace posthouse::smtp
