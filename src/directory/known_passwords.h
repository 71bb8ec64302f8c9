// Passwords that were verified lately, known by a keyed hash in memory: an IMAP client that opens
// ten connections costs one Argon2id, not ten.
//
// The hash is HMAC-SHA256 under a key of this process over account, credential and password, so an
// entry ends with the credential it was made for. One an account, bounded, for an hour.
//
// Threads: any.
#pragma once

#include "base/generations.h"
#include "base/random.h"
#include "base/time.h"
#include "directory/rows.h"

#include <mutex>

namespace posthouse::directory {

class KnownPasswords {
public:
    KnownPasswords(const Clock& clock, Random& random) : clock_(clock), key_(random.bytes(32)), known_(16'384) { }
    ~KnownPasswords() { sasl::wipe(key_); }

    bool knows(AccountId account, const CredentialRow& credential, const sasl::Secret& prepared);
    void learn(AccountId account, const CredentialRow& credential, const sasl::Secret& prepared);

private:
    struct Entry {
        std::string hash;
        SteadyTime until;
    };
    std::string hash(AccountId account, const CredentialRow& credential, const sasl::Secret& prepared) const;

    const Clock& clock_;
    std::string key_;
    std::mutex mutex_;
    Generations<AccountId, Entry> known_;
};

}  // namespace posthouse::directory
