// SASL (RFC 4422), the server's end: one exchange, whatever the door (SMTP AUTH, IMAP AUTHENTICATE,
// POP3 AUTH). The door moves base64 and lines; this decides.
//
// PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 7677, 5802, 9266, 5929).
#pragma once

#include "base/result.h"
#include "base/task.h"
#include "directory/directory.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace posthouse::directory {

// What an exchange knows of its connection.
struct Peer {
    std::string address;  // for slowing down guesses
    Id session = 0;
    bool encrypted = false;
    // The door lists SCRAM-SHA-256-PLUS where it can be had. A client that has bindings and says that we
    // have none was then lied to (RFC 5802 section 6); where the door never lists it, it says so in good faith.
    bool was_told_of_plus = true;
    // Gives the binding's bytes for "tls-exporter" or "tls-server-end-point"; empty if there is none.
    std::function<std::string(std::string_view type)> channel_binding;
};

enum class LoginFailure {
    wrong,  // 535 5.7.8, NO [AUTHENTICATIONFAILED]: unknown user and wrong password alike
    disabled,  // told only after the right password
    malformed,  // 501 5.5.2, BAD: bad base64 or message
    cancelled,  // the client sent `*`: 501
    too_weak,  // 534 5.7.9: mechanism not for this connection
    needs_tls,  // 538 5.7.11, NO [PRIVACYREQUIRED]
    busy,  // 454 4.7.0, NO [UNAVAILABLE]: too many hashes under way, or the directory cannot answer
    throttled,  // 454 4.7.0 with a sentence: too many failures from this address or for this account
    unknown_mechanism,  // 504 5.5.4
};

struct Challenge {
    std::string bytes;  // not yet base64; may be empty
};
struct LoggedIn {
    Account account;
    std::string final_bytes;  // sent with success where the door can (SCRAM server-final was sent as a challenge)
};
struct LoginFailed {
    LoginFailure failure = LoginFailure::wrong;
    std::string reason;  // for the log and the journey, never for the peer
};
using SaslStep = std::variant<Challenge, LoggedIn, LoginFailed>;

// One exchange; one task. `response` is decoded base64.
class SaslExchange {
public:
    virtual ~SaslExchange() = default;
    virtual Task<SaslStep> start(std::optional<std::string> initial_response) = 0;
    virtual Task<SaslStep> respond(std::string response) = 0;
};

// What IMAP and POP3 tell of the mechanisms they take: PLAIN and LOGIN alone (docs/decisions.md 7). SCRAM works there
// when it is asked for.
std::vector<std::string> told_to_mail_readers(std::vector<std::string> mechanisms);

// Threads: any. Failed logins are slowed, then refused, per address and account, while the right
// user from an address that is known lately gets in. An unknown user costs the same time.
class Authenticator {
public:
    virtual ~Authenticator() = default;
    // In order of preference; those that this connection may use now (PLAIN and LOGIN need TLS,
    // -PLUS needs a channel binding).
    virtual std::vector<std::string> mechanisms(const Peer& peer) const = 0;
    virtual std::unique_ptr<SaslExchange> begin(std::string mechanism, Peer peer) = 0;
    // IMAP LOGIN, POP3 USER and PASS. The password is wiped.
    virtual Task<SaslStep> login(std::string user, std::string password, Peer peer) = 0;
};

}  // namespace posthouse::directory
