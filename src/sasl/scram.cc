#include "sasl/scram.h"

#include "base/cursor.h"
#include "base/text.h"
#include "sasl/prepare.h"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace posthouse::sasl {

namespace {

// RFC 7677 section 4 asks for at least 4,096; above the upper bound a server would only burn our time.
constexpr std::uint32_t least_iterations = 4096;
constexpr std::uint32_t most_iterations = 5'000'000;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string exclusive_or(std::string_view a, std::string_view b)
{
    std::string out(a);
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<char>(out[i] ^ b[i]);
    return out;
}

// saslname: `,` and `=` are written `=2C` and `=3D`; any other `=` is wrong.
std::optional<std::string> decode_name(std::string_view text)
{
    std::string name;
    Cursor cursor(text);
    while (!cursor.at_end()) {
        if (cursor.rest().starts_with("=2C"))
            name += ',';
        else if (cursor.rest().starts_with("=3D"))
            name += '=';
        else if (cursor.peek() == '=' || cursor.peek() == '\0')
            return std::nullopt;
        else {
            name += cursor.take_bytes(1);
            continue;
        }
        cursor.take_bytes(3);
    }
    if (!is_valid_utf8(name))
        return std::nullopt;
    return name;
}

std::string encode_name(std::string_view name)
{
    std::string out;
    for (const char c : name) {
        if (c == ',')
            out += "=2C";
        else if (c == '=')
            out += "=3D";
        else
            out += c;
    }
    return out;
}

// printable: %x21-2B / %x2D-7E
bool is_nonce(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c != ',' && c < 0x7f; });
}

std::string_view take_value(Cursor& cursor)
{
    return cursor.take_while([](char c) { return c != ',' && c != '\0'; });
}

// `x=` and its value; nullopt if another attribute stands here. Attribute names are case-sensitive.
std::optional<std::string_view> take_attribute(Cursor& cursor, char name)
{
    if (cursor.peek() != name || !cursor.take(name) || !cursor.take('='))
        return std::nullopt;
    return take_value(cursor);
}

// extensions: attr-val *("," attr-val), all of them optional and unknown to us.
bool take_extensions(Cursor& cursor)
{
    while (cursor.take(',')) {
        if (!is_alpha(cursor.peek()))
            return false;
        cursor.take_bytes(1);
        if (!cursor.take('=') || take_value(cursor).empty())
            return false;
    }
    return cursor.at_end();
}

// gs2-header = gs2-cbind-flag "," [ authzid ] ","
bool take_gs2_header(Cursor& cursor, ClientFirst& out)
{
    if (cursor.peek() == 'n')
        out.binding = ClientBinding::none;
    else if (cursor.peek() == 'y')
        out.binding = ClientBinding::client_only;
    else if (cursor.peek() == 'p')
        out.binding = ClientBinding::used;
    else
        return false;
    cursor.take_bytes(1);
    if (out.binding == ClientBinding::used) {
        if (!cursor.take('='))
            return false;
        out.binding_type = cursor.take_while([](char c) { return is_alnum(c) || c == '.' || c == '-'; });
        if (out.binding_type.empty())
            return false;
    }
    if (!cursor.take(','))
        return false;
    if (cursor.peek() == 'a') {
        const auto name = take_attribute(cursor, 'a');
        const auto decoded = name ? decode_name(*name) : std::nullopt;
        if (!decoded || decoded->empty())
            return false;
        out.authorisation = *decoded;
    }
    return cursor.take(',');
}

struct Derived {
    std::string client_key;
    std::string server_key;
};

// SaltedPassword := Hi(password, salt, i), and the two keys made of it (RFC 5802 section 3).
Derived derive(std::string_view password, std::string_view salt, std::uint32_t iterations)
{
    std::string salted(SHA256_DIGEST_LENGTH, '\0');
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes(salt), static_cast<int>(salt.size()),
                      static_cast<int>(iterations), EVP_sha256(), static_cast<int>(salted.size()), bytes(salted));
    Derived derived{hmac_sha256(salted, "Client Key"), hmac_sha256(salted, "Server Key")};
    wipe(salted);
    return derived;
}

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view text)
{
    std::string out(SHA256_DIGEST_LENGTH, '\0');
    unsigned length = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(text), text.size(), bytes(out), &length);
    return out;
}

std::string sha256(std::string_view text)
{
    std::string out(SHA256_DIGEST_LENGTH, '\0');
    SHA256(bytes(text), text.size(), bytes(out));
    return out;
}

ScramKeys derive_scram_keys(const Secret& prepared, std::string salt, std::uint32_t iterations)
{
    Derived derived = derive(prepared.view(), salt, iterations);
    ScramKeys keys{std::move(salt), iterations, sha256(derived.client_key), std::move(derived.server_key)};
    wipe(derived.client_key);
    return keys;
}

std::optional<ClientFirst> parse_client_first(std::string_view message)
{
    if (message.size() > longest_scram_message)
        return std::nullopt;
    ClientFirst out;
    Cursor cursor(message);
    if (!take_gs2_header(cursor, out))
        return std::nullopt;
    out.gs2_header = message.substr(0, cursor.offset());
    out.bare = cursor.rest();
    const auto user = take_attribute(cursor, 'n');
    const auto name = user ? decode_name(*user) : std::nullopt;
    if (!name || name->empty() || !cursor.take(','))
        return std::nullopt;
    const auto nonce = take_attribute(cursor, 'r');
    if (!nonce || !is_nonce(*nonce) || !take_extensions(cursor))
        return std::nullopt;
    out.user = *name;
    out.nonce = *nonce;
    return out;
}

std::optional<ServerFirst> parse_server_first(std::string_view message)
{
    if (message.size() > longest_scram_message)
        return std::nullopt;
    Cursor cursor(message);
    const auto nonce = take_attribute(cursor, 'r');
    if (!nonce || !is_nonce(*nonce) || !cursor.take(','))
        return std::nullopt;
    const auto salt = take_attribute(cursor, 's');
    auto decoded = salt ? base64_decode(*salt) : std::nullopt;
    if (!decoded || decoded->empty() || !cursor.take(','))
        return std::nullopt;
    const auto count = take_attribute(cursor, 'i');
    const auto iterations = count ? parse_number<std::uint32_t>(*count) : std::nullopt;
    if (!iterations || *iterations == 0 || !take_extensions(cursor))
        return std::nullopt;
    return ServerFirst{std::string(*nonce), std::move(*decoded), *iterations};
}

std::string write(const ServerFirst& message)
{
    return fmt::format("r={},s={},i={}", message.nonce, base64_encode(message.salt), message.iterations);
}

std::optional<ClientFinal> parse_client_final(std::string_view message)
{
    // The proof is the last attribute, and base64 has no comma.
    const std::size_t cut = message.rfind(",p=");
    if (message.size() > longest_scram_message || cut == std::string_view::npos)
        return std::nullopt;
    ClientFinal out;
    Cursor cursor(message.substr(0, cut));
    const auto binding = take_attribute(cursor, 'c');
    auto binding_bytes = binding ? base64_decode(*binding) : std::nullopt;
    if (!binding_bytes || !cursor.take(','))
        return std::nullopt;
    const auto nonce = take_attribute(cursor, 'r');
    if (!nonce || !is_nonce(*nonce) || !take_extensions(cursor))
        return std::nullopt;
    auto proof = base64_decode(message.substr(cut + 3));
    if (!proof || proof->size() != SHA256_DIGEST_LENGTH)
        return std::nullopt;
    return ClientFinal{std::move(*binding_bytes), std::string(*nonce), std::move(*proof),
                       std::string(message.substr(0, cut))};
}

std::string auth_message(std::string_view client_first_bare, std::string_view server_first,
                         std::string_view client_final_without_proof)
{
    return fmt::format("{},{},{}", client_first_bare, server_first, client_final_without_proof);
}

bool is_right_proof(const ScramKeys& keys, std::string_view auth_message, std::string_view proof)
{
    const std::string signature = hmac_sha256(keys.stored_key, auth_message);
    if (proof.size() != signature.size())
        return false;
    std::string client_key = exclusive_or(proof, signature);
    const bool is_right = equals_in_constant_time(sha256(client_key), keys.stored_key);
    wipe(client_key);
    return is_right;
}

std::string server_final(const ScramKeys& keys, std::string_view auth_message)
{
    return "v=" + base64_encode(hmac_sha256(keys.server_key, auth_message));
}

Result<ScramClient> ScramClient::begin(std::string_view user, std::string_view password, std::string nonce,
                                       ScramBinding binding)
{
    const Result<std::string> name = prepare_name(user);
    if (!name)
        return fail(name.error().code, "the user name " + name.error().text);
    Result<Secret> prepared = prepare_password(password);
    if (!prepared)
        return fail(prepared.error().code, "the password " + prepared.error().text);
    ScramClient client;
    client.gs2_header_ = binding.kind == ClientBinding::used ? fmt::format("p={},,", binding.type)
        : binding.kind == ClientBinding::client_only         ? "y,,"
                                                             : "n,,";
    client.first_bare_ = fmt::format("n={},r={}", encode_name(*name), nonce);
    client.nonce_ = std::move(nonce);
    client.binding_bytes_ = std::move(binding.bytes);
    client.password_ = std::move(*prepared);
    return client;
}

Result<std::string> ScramClient::answer(std::string_view server_first)
{
    const auto parsed = parse_server_first(server_first);
    if (!parsed)
        return fail(ErrorCode::malformed, "the server's first SCRAM message is malformed");
    if (parsed->nonce.size() <= nonce_.size() || !parsed->nonce.starts_with(nonce_))
        return fail(ErrorCode::not_permitted, "the server's nonce does not begin with ours: a replay");
    if (parsed->iterations < least_iterations || parsed->iterations > most_iterations)
        return fail(ErrorCode::not_permitted, fmt::format("{} iterations are not acceptable", parsed->iterations));

    Derived derived = derive(password_.view(), parsed->salt, parsed->iterations);
    keys_ = {parsed->salt, parsed->iterations, sha256(derived.client_key), std::move(derived.server_key)};

    const std::string without_proof =
        fmt::format("c={},r={}", base64_encode(gs2_header_ + binding_bytes_), parsed->nonce);
    auth_message_ = auth_message(first_bare_, server_first, without_proof);
    const std::string proof = exclusive_or(derived.client_key, hmac_sha256(keys_.stored_key, auth_message_));
    wipe(derived.client_key);
    return fmt::format("{},p={}", without_proof, base64_encode(proof));
}

Result<void> ScramClient::verify(std::string_view server_final_message) const
{
    if (server_final_message.starts_with("e="))
        return fail(ErrorCode::not_permitted, printable(server_final_message, 100));
    Cursor cursor(server_final_message);
    const auto signature = take_attribute(cursor, 'v');
    if (!signature || !take_extensions(cursor))
        return fail(ErrorCode::malformed, "the server's final SCRAM message is malformed");
    const std::string expected = server_final(keys_, auth_message_);
    if (auth_message_.empty() || !equals_in_constant_time(expected.substr(2), *signature))
        return fail(ErrorCode::not_permitted, "the server does not know the password");
    return {};
}

}  // namespace posthouse::sasl
