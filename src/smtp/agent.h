// What a door decides. One session engine (smtp/session.h) serves port 25 and submission; the two
// rooms mta/receive and msa each bring an Agent, who answers the questions the protocol asks.
//
// Answers are whole replies: the agent chooses code, enhanced code and sentence.
// Threads: the session's loop. Lifetime: a Door outlives every session; an Agent is its session's.
#pragma once

#include "base/task.h"
#include "net/wire.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"

#include <expected>
#include <memory>
#include <variant>

namespace posthouse::smtp {

// What is known of a session. Kept by the engine, read by the agent.
struct SessionFacts {
    Id session = 0;
    net::Endpoint peer;
    net::Endpoint local;
    std::string greeted_as;  // the client's name from HELO or EHLO; empty before
    bool extended = false;  // EHLO
    bool encrypted = false;
    std::string tls_version;
    std::string tls_cipher;
    std::string login;  // the account's address; empty before AUTH
    Id account = 0;
    std::string sasl_mechanism;
    // RFC 9266 and 5929: the binding's bytes; empty function or answer: there is none.
    std::function<std::string(net::ChannelBinding)> channel_binding;
};

// What a door says of itself. Fixed for a session, STARTTLS and login aside.
struct Offer {
    std::string host_name;  // in the greeting and the EHLO answer
    bool login_required = false;  // MAIL, RCPT, DATA, BDAT, VRFY are 530 before AUTH
    std::uint64_t most_bytes = 104'857'600;  // RFC 1870
    std::size_t most_recipients = 1000;  // RFC 9422
    bool dsn = false;  // RFC 3461
    Duration longest_hold{};  // RFC 4865; zero: FUTURERELEASE is not offered
    bool deliver_by = false;  // RFC 2852
    bool priority = false;  // RFC 6710
    bool cancel = false;  // XCANCEL, ours: a held message is taken back by its sender
};

struct AuthChallenge {
    std::string bytes;  // not yet base64
};
struct AuthDone {
    Reply reply;  // 235, or the refusal
    Id account = 0;  // of the account that is logged in now
    std::string login;  // its address
};
using AuthStep = std::variant<AuthChallenge, AuthDone>;

// One message on its way through the agent. Dropped without finish(): it never was.
class Body {
public:
    virtual ~Body() = default;
    // The message's bytes, dots unstuffed. A reply refuses: the rest is read and thrown away, then
    // the reply is sent in place of finish()'s.
    virtual Task<std::optional<Reply>> append(std::string piece) = 0;
    // 250 with "queued as ID": it is safe on disk. Or why not.
    virtual Task<Reply> finish() = 0;
};

struct RecipientVerdict {
    Reply reply;
    Recipient recipient;  // as it is to be kept: <postmaster> has its domain now
    std::string rule;  // for the journey: why, and what follows; empty: as the reply says
};

class Agent {
public:
    virtual ~Agent() = default;

    // SASL mechanisms this session may use now, in order of preference; empty: no AUTH here.
    virtual std::vector<std::string> mechanisms() { return {}; }
    // Somebody may still log in here once TLS is on: AUTH is answered 538, not 502.
    virtual bool knows_auth() const { return false; }
    virtual Task<AuthStep> authenticate(std::string mechanism, std::optional<std::string> initial_response);
    virtual Task<AuthStep> respond(std::string response);

    // XCANCEL: a message of the one who is logged in, while it is held.
    virtual Task<Reply> cancel(Id message);

    virtual Id next_message_id() = 0;
    // MAIL: a positive reply accepts. The envelope has no recipients yet.
    virtual Task<Reply> sender(Id message, Envelope envelope) = 0;
    // RCPT: `declared_size` is MAIL's SIZE=.
    virtual Task<RecipientVerdict> recipient(Recipient recipient, std::uint64_t declared_size) = 0;
    // DATA, or the first BDAT: who takes the message's bytes, or why nobody does.
    virtual Task<std::expected<std::unique_ptr<Body>, Reply>> begin(Id message, Envelope envelope) = 0;
};

class Door {
public:
    virtual ~Door() = default;
    virtual const Offer& offer() const = 0;
    virtual std::string_view room() const = 0;  // "mta/receive", "msa": for the recorder and the log
    // `facts` outlives the agent and changes as the session goes on.
    virtual std::unique_ptr<Agent> open(const SessionFacts& facts) = 0;
};

// Whether a mailbox takes `size` more bytes: over_quota where not. Asked at RCPT, before the
// message comes. app/ puts mailbox/courier.h behind it. Threads: any.
class Quotas {
public:
    virtual ~Quotas() = default;
    virtual Task<Result<void>> has_room(Id account, std::uint64_t size) = 0;
};

}  // namespace posthouse::smtp
