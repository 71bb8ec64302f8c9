// A POP3 conversation: a command comes in, a reply and the next step go out. RFC 1939.
//
//   authorization ──USER──▶ named ──PASS──▶ (login) ──▶ transaction ──QUIT──▶ (deletes) ──▶ over
//         └────────AUTH──▶ exchange ──▶ (login) ──▶ ┘
//
// Decides everything and does nothing: it touches no wire, no clock, no store. What takes time (a
// login, a message's bytes, deleting) it asks the session for by Step::next, and is told the outcome
// by the on_… member named beside it. Each input gets exactly one Step.
//
// Threads: one session.
#pragma once

#include "base/result.h"
#include "directory/sasl.h"
#include "pop3/server/command.h"
#include "pop3/server/maildrop.h"

#include <string>
#include <vector>

namespace posthouse::pop3 {

enum class State : std::uint8_t { authorization, named, exchange, transaction, over };

enum class Next : std::uint8_t {
    command,  // send the reply, then take the next line: on_line()
    log_in,  // with take_credentials(): on_sasl()
    begin_exchange,  // SASL, with `text` the mechanism and `response`: on_sasl()
    respond,  // SASL, with `response`: on_sasl()
    open_maildrop,  // of take_account(): on_maildrop() or on_no_maildrop()
    start_tls,  // send the reply, then shake hands: on_tls()
    retrieve,  // send `number`, whole or its first `lines`; nothing is told back
    remove,  // what maildrop() has marked: on_removed()
    close,  // send the reply, if any, then close
};

struct Step {
    std::string reply = {};  // with CRLF; several lines where it is multi-line
    Next next = Next::command;
    std::string text = {};
    std::optional<std::string> response = {};  // decoded
    std::uint32_t number = 0;
    std::optional<std::uint64_t> lines = {};
};

// What this connection is; changes with STLS.
struct Offer {
    std::string host;  // for the greeting
    bool tls_possible = false;  // STLS may be said
    bool passwords_allowed = false;  // USER and PASS: TLS is up, or the listener allows it
    std::vector<std::string> mechanisms;
};

enum class LineFault { bare_lf, bare_cr, too_long };

class Dialogue {
public:
    explicit Dialogue(Offer offer) : offer_(std::move(offer)) { }

    Step greet() const;
    Step on_line(std::string_view line);
    Step on_fault(LineFault fault);
    Step on_sasl(directory::SaslStep step);
    Step on_maildrop(Maildrop maildrop);
    Step on_no_maildrop(std::string reason);  // "[IN-USE] …": for the peer
    Step on_tls(Offer offer);  // RFC 2595 section 4: what was said before counts no more
    Step on_removed(const Result<void>& removed);
    Step on_shutdown();

    struct Credentials {
        std::string user;
        std::string password;
    };
    Credentials take_credentials() { return std::exchange(credentials_, {}); }
    directory::Account take_account() { return std::exchange(account_, {}); }
    const Maildrop& maildrop() const { return maildrop_; }
    State state() const { return state_; }
    // The line as it may be recorded, by what it would be taken for.
    std::string recordable(std::string_view line) const;

    static constexpr unsigned most_errors = 20;  // then the session is closed (HOSTILE A7)

private:
    // In the order of Verb; a rule stands for one command.
    struct Rule {
        Verb verb;
        unsigned states;  // bits, by State
        Step (Dialogue::*proceed)(Command);
    };
    static const std::array<Rule, verbs> rules;

    Step user(Command command);
    Step pass(Command command);
    Step auth(Command command);
    Step stls(Command command);
    Step capa(Command command);
    Step utf8(Command command);
    Step quit(Command command);
    Step stat(Command command);
    Step list(Command command);
    Step retr(Command command);
    Step dele(Command command);
    Step noop(Command command);
    Step rset(Command command);
    Step top(Command command);
    Step uidl(Command command);

    Step on_response(std::string_view line);
    Step refuse_login(const directory::LoginFailed& failed);
    Step no_such_message(std::uint32_t number) const;
    Step fault(std::string text);  // counts

    Offer offer_;
    State state_ = State::authorization;
    Credentials credentials_;
    directory::Account account_;
    Maildrop maildrop_;
    unsigned errors_ = 0;
};

}  // namespace posthouse::pop3
