// SCRAM-SHA-256 (RFC 5802, RFC 7677): the grammar of its messages and its arithmetic, for both ends.
//
// Pure: randomness and channel bindings come in as values. Threads: any.
#pragma once

#include "base/result.h"
#include "sasl/secret.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthouse::sasl {

// What a server keeps of a password. The password cannot be had back from it.
struct ScramKeys {
    std::string salt;
    std::uint32_t iterations = 0;
    std::string stored_key;  // 32 bytes
    std::string server_key;  // 32 bytes
};
// PBKDF2: some 40 ms for 100,000 iterations. `prepared` went through prepare_password().
ScramKeys derive_scram_keys(const Secret& prepared, std::string salt, std::uint32_t iterations);

std::string hmac_sha256(std::string_view key, std::string_view text);
std::string sha256(std::string_view text);

inline constexpr std::size_t longest_scram_message = 4096;

// RFC 5802 section 7. Each parser takes whole messages, refuses what the ABNF refuses, and what
// would need an extension that we do not know (`m=`).
enum class ClientBinding : std::uint8_t {
    none,  // n: the client has no channel binding
    client_only,  // y: it has, and believes that the server has not
    used,  // p
};
struct ClientFirst {
    ClientBinding binding = ClientBinding::none;
    std::string binding_type;  // with `used`: "tls-exporter"
    std::string authorisation;  // authzid, usually empty
    std::string user;
    std::string nonce;
    std::string gs2_header;  // "n,,": comes back in the client's final message
    std::string bare;  // the message without the header
};
std::optional<ClientFirst> parse_client_first(std::string_view message);

struct ServerFirst {
    std::string nonce;  // client's and server's
    std::string salt;
    std::uint32_t iterations = 0;
};
std::optional<ServerFirst> parse_server_first(std::string_view message);
std::string write(const ServerFirst& message);

struct ClientFinal {
    std::string binding;  // gs2 header and the channel binding's bytes
    std::string nonce;
    std::string proof;
    std::string without_proof;  // the message up to `,p=`
};
std::optional<ClientFinal> parse_client_final(std::string_view message);

// RFC 5802 section 3. `auth_message` is client-first-bare, server-first and client-final without proof.
std::string auth_message(std::string_view client_first_bare, std::string_view server_first,
                         std::string_view client_final_without_proof);
bool is_right_proof(const ScramKeys& keys, std::string_view auth_message, std::string_view proof);
std::string server_final(const ScramKeys& keys, std::string_view auth_message);  // "v=…"

struct ScramBinding {
    ClientBinding kind = ClientBinding::none;
    std::string type;  // with `used`
    std::string bytes;
};

// The client's end: first(), then answer() to the server's first message, then verify() its final
// one: a server that does not know the password is noticed there.
class ScramClient {
public:
    // Names and passwords as typed. `nonce`: fresh randomness, printable, without commas: at least
    // 18 random bytes in base64.
    static Result<ScramClient> begin(std::string_view user, std::string_view password, std::string nonce,
                                     ScramBinding binding = {});

    std::string first() const { return gs2_header_ + first_bare_; }
    // Errors: malformed; not_permitted: the nonce is not ours, or the iterations are too few or too many.
    Result<std::string> answer(std::string_view server_first);
    // Errors: malformed; not_permitted, with the server's `e=` or because its signature is wrong.
    Result<void> verify(std::string_view server_final) const;

private:
    std::string gs2_header_;
    std::string first_bare_;
    std::string nonce_;
    std::string binding_bytes_;
    std::string auth_message_;
    ScramKeys keys_;
    Secret password_;
};

}  // namespace posthouse::sasl
