// What is kept of a password, and whether one is right: Argon2id (RFC 9106) for PLAIN and LOGIN,
// SCRAM keys for SCRAM. Slow on purpose: call on the workers.
//
// Threads: any.
#pragma once

#include "directory/rows.h"
#include "sasl/secret.h"

namespace posthouse::directory {

struct PasswordCosts {
    std::uint32_t argon2_kib = 19 * 1024;
    std::uint32_t argon2_passes = 2;
    std::uint32_t argon2_lanes = 1;
    std::uint32_t scram_iterations = 100'000;
};

// `prepared` went through sasl::prepare_password(). `salts`: 32 random bytes.
CredentialRow make_credential(const sasl::Secret& prepared, std::string_view salts, const PasswordCosts& costs,
                              WallTime now);
// By the costs that `argon2` itself names. Constant time for one set of costs.
bool is_right_password(const std::string& argon2, const sasl::Secret& prepared);
// As costly as is_right_password() for a password of these costs; for users that do not exist.
void waste_time(const sasl::Secret& password, const PasswordCosts& costs);

}  // namespace posthouse::directory
