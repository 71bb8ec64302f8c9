// SASL, the client's end: PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 (RFC 5802, RFC 7677), the last with
// the server's proof checked: a server that does not know the password is noticed.
//
// The caller moves base64 and lines. One exchange each. Passwords stay in here and are wiped.
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
    // What to answer. malformed: the server is not what it should be, give up.
    virtual Result<std::string> respond(std::string_view challenge) = 0;
    // May success be believed now? False: the server skipped its proof.
    virtual bool is_satisfied() const = 0;
};

enum class ClearPasswords : bool { no, yes };  // PLAIN and LOGIN only behind TLS, or on loopback

// The best of what the server offers that may be used; nullptr if there is none. SCRAM's password is
// used as it is (SASLprep is the identity for printable ASCII, and servers here normalise to NFC).
std::unique_ptr<SaslClient> choose_sasl_client(const std::vector<std::string>& offered, ClearPasswords clear,
                                               std::string user, std::string password, Random& random);

}  // namespace posthouse::smtp
