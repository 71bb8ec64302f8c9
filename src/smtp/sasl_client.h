// Which SASL mechanism a client logs in by, and its half of the exchange: SCRAM-SHA-256-PLUS and
// SCRAM-SHA-256 (the server's proof is checked), PLAIN, LOGIN. The arithmetic is sasl/'s.
//
// The caller moves base64 and lines. One exchange each. Passwords are wiped when it goes.
#pragma once

#include "base/random.h"
#include "base/result.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::smtp {

class SaslClient {
public:
    virtual ~SaslClient() = default;
    virtual std::string_view mechanism() const = 0;
    // Sent with AUTH; nullopt: the server speaks first.
    virtual std::optional<std::string> initial_response() = 0;
    // What to answer. An error: the server is not what it should be, give up.
    virtual Result<std::string> respond(std::string_view challenge) = 0;
    // May success be believed now? False: the server skipped its proof.
    virtual bool is_satisfied() const = 0;
};

enum class ClearPasswords : bool { no, yes };  // PLAIN and LOGIN: only behind TLS, or on loopback

struct LoginWith {
    std::string user;
    std::string password;
    ClearPasswords clear = ClearPasswords::no;
    std::string tls_exporter;  // the channel's binding (RFC 9266); empty without TLS
};

// The best of what the server offers that may be used. Errors: unavailable, where there is none, with
// a sentence; malformed, where name or password cannot be sent.
Result<std::unique_ptr<SaslClient>> choose_sasl_client(const std::vector<std::string>& offered, LoginWith with,
                                                       Random& random);

}  // namespace posthouse::smtp
