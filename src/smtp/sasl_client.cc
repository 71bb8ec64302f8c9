#include "smtp/sasl_client.h"

#include "base/cursor.h"
#include "base/text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace posthouse::smtp {

namespace {

// Common to all: who, and a password that is wiped.
class Credentials {
public:
    Credentials(std::string user, std::string password) : user(std::move(user)), password(std::move(password)) { }
    Credentials(Credentials&& other) noexcept : user(std::move(other.user)), password(other.password) { other.wipe(); }
    ~Credentials() { wipe(); }
    void wipe() { OPENSSL_cleanse(password.data(), password.size()); }

    std::string user;
    std::string password;
};

class Plain final : public SaslClient {
public:
    explicit Plain(Credentials credentials) : credentials_(std::move(credentials)) { }
    std::string_view mechanism() const override { return "PLAIN"; }
    std::optional<std::string> initial_response() override
    {
        using namespace std::string_literals;
        return "\0"s + credentials_.user + "\0"s + credentials_.password;
    }
    Result<std::string> respond(std::string_view) override
    {
        return fail(ErrorCode::malformed, "the server asks for more than PLAIN has");
    }
    bool is_satisfied() const override { return true; }

private:
    Credentials credentials_;
};

class LoginMechanism final : public SaslClient {
public:
    explicit LoginMechanism(Credentials credentials) : credentials_(std::move(credentials)) { }
    std::string_view mechanism() const override { return "LOGIN"; }
    std::optional<std::string> initial_response() override { return std::nullopt; }
    Result<std::string> respond(std::string_view) override
    {
        ++asked_;
        if (asked_ > 2)
            return fail(ErrorCode::malformed, "the server asks for more than LOGIN has");
        return asked_ == 1 ? credentials_.user : credentials_.password;
    }
    bool is_satisfied() const override { return asked_ == 2; }

private:
    Credentials credentials_;
    int asked_ = 0;
};

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

std::string_view bytes_of(const Digest& digest)
{
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

const unsigned char* unsigned_bytes(std::string_view text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

Digest hmac(std::string_view key, std::string_view text)
{
    Digest out;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), unsigned_bytes(text), text.size(), out.data(),
         nullptr);
    return out;
}

// What RFC 5802 section 5.1 has behind `name=`, up to the comma; empty where it is not next.
std::string_view attribute(Cursor& in, char name)
{
    if (!in.take(name) || !in.take('='))
        return {};
    const std::string_view value = in.take_while([](char c) { return c != ','; });
    in.take(',');
    return value;
}

// RFC 5802 section 5.1: saslname
std::string escaped_name(std::string_view user)
{
    std::string out;
    for (const char c : user)
        out += c == '=' ? "=3D" : c == ',' ? "=2C" : std::string(1, c);
    return out;
}

class Scram final : public SaslClient {
public:
    Scram(Credentials credentials, Random& random) :
        credentials_(std::move(credentials)), nonce_(base64_encode(random.bytes(18)))
    {
        first_bare_ = fmt::format("n={},r={}", escaped_name(credentials_.user), nonce_);
    }
    std::string_view mechanism() const override { return "SCRAM-SHA-256"; }
    std::optional<std::string> initial_response() override { return "n,," + first_bare_; }
    Result<std::string> respond(std::string_view challenge) override
    {
        ++round_;
        if (round_ == 1)
            return prove(challenge);
        if (round_ == 2)
            return check_server(challenge);
        return fail(ErrorCode::malformed, "the server asks for more than SCRAM has");
    }
    bool is_satisfied() const override { return server_is_known_; }

private:
    Result<std::string> prove(std::string_view server_first);
    Result<std::string> check_server(std::string_view server_final);

    Credentials credentials_;
    std::string nonce_;
    std::string first_bare_;
    Digest server_signature_{};
    int round_ = 0;
    bool server_is_known_ = false;
};

// RFC 5802 section 3. Iterations are bounded: a server shall not make us work for minutes, nor take
// a verifier that is cheap to break (RFC 7677 section 4: at least 4,096).
Result<std::string> Scram::prove(std::string_view server_first)
{
    Cursor in(server_first);
    const std::string_view nonce = attribute(in, 'r');
    const std::optional<std::string> salt = base64_decode(attribute(in, 's'));
    const std::optional<int> iterations = parse_number<int>(attribute(in, 'i'));
    if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size() || !salt || salt->empty() || !iterations ||
        *iterations < 4096 || *iterations > 5'000'000)
        return fail(ErrorCode::malformed, "the server's SCRAM challenge is not valid");
    Digest salted;
    PKCS5_PBKDF2_HMAC(credentials_.password.data(), static_cast<int>(credentials_.password.size()),
                      unsigned_bytes(*salt), static_cast<int>(salt->size()), *iterations, EVP_sha256(),
                      static_cast<int>(salted.size()), salted.data());
    const std::string without_proof = fmt::format("c=biws,r={}", nonce);
    const std::string auth_message = fmt::format("{},{},{}", first_bare_, server_first, without_proof);
    const Digest client_key = hmac(bytes_of(salted), "Client Key");
    Digest stored_key;
    SHA256(client_key.data(), client_key.size(), stored_key.data());
    Digest proof = hmac(bytes_of(stored_key), auth_message);
    std::ranges::transform(proof, client_key, proof.begin(), std::bit_xor<>());
    server_signature_ = hmac(bytes_of(hmac(bytes_of(salted), "Server Key")), auth_message);
    OPENSSL_cleanse(salted.data(), salted.size());
    return fmt::format("{},p={}", without_proof, base64_encode(bytes_of(proof)));
}

Result<std::string> Scram::check_server(std::string_view server_final)
{
    Cursor in(server_final);
    const std::optional<std::string> verifier = base64_decode(attribute(in, 'v'));
    if (!verifier || !equals_in_constant_time(*verifier, bytes_of(server_signature_)))
        return fail(ErrorCode::malformed, "the server cannot prove that it knows the password");
    server_is_known_ = true;
    return std::string();
}

}  // namespace

std::unique_ptr<SaslClient> choose_sasl_client(const std::vector<std::string>& offered, ClearPasswords clear,
                                               std::string user, std::string password, Random& random)
{
    const auto has = [&](std::string_view name) {
        return std::ranges::any_of(offered, [&](const std::string& o) { return equals_ignoring_case(o, name); });
    };
    Credentials credentials(std::move(user), std::move(password));
    if (has("SCRAM-SHA-256"))
        return std::make_unique<Scram>(std::move(credentials), random);
    if (clear == ClearPasswords::yes && has("PLAIN"))
        return std::make_unique<Plain>(std::move(credentials));
    if (clear == ClearPasswords::yes && has("LOGIN"))
        return std::make_unique<LoginMechanism>(std::move(credentials));
    return nullptr;
}

}  // namespace posthouse::smtp
