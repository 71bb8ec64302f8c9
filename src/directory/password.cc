#include "directory/password.h"

#include <stdexcept>

#include <argon2.h>
#include <fmt/format.h>

namespace posthouse::directory {

namespace {

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;

std::string argon2id(const sasl::Secret& password, std::string_view salt, const PasswordCosts& costs)
{
    std::string encoded(
        argon2_encodedlen(costs.argon2_passes, costs.argon2_kib, costs.argon2_lanes, salt_bytes, hash_bytes, Argon2_id),
        '\0');
    const int status = argon2id_hash_encoded(costs.argon2_passes, costs.argon2_kib, costs.argon2_lanes,
                                             password.view().data(), password.view().size(), salt.data(), salt.size(),
                                             hash_bytes, encoded.data(), encoded.size());
    if (status != ARGON2_OK)
        throw std::runtime_error(fmt::format("argon2: {}", argon2_error_message(status)));
    encoded.resize(encoded.find('\0'));
    return encoded;
}

}  // namespace

CredentialRow make_credential(const sasl::Secret& prepared, std::string_view salts, const PasswordCosts& costs,
                              WallTime now)
{
    return {.argon2 = argon2id(prepared, salts.substr(0, salt_bytes), costs),
            .scram = sasl::derive_scram_keys(prepared, std::string(salts.substr(salt_bytes, salt_bytes)),
                                             costs.scram_iterations),
            .changed = now};
}

bool is_right_password(const std::string& argon2, const sasl::Secret& prepared)
{
    const int status = argon2id_verify(argon2.c_str(), prepared.view().data(), prepared.view().size());
    if (status != ARGON2_OK && status != ARGON2_VERIFY_MISMATCH)
        throw std::runtime_error(fmt::format("argon2: {}", argon2_error_message(status)));
    return status == ARGON2_OK;
}

void waste_time(const sasl::Secret& password, const PasswordCosts& costs)
{
    static constexpr std::string_view no_salt = "nobody lives here";
    argon2id(password, no_salt.substr(0, salt_bytes), costs);
}

}  // namespace posthouse::directory
