#include "directory/known_passwords.h"

#include "base/text.h"

namespace posthouse::directory {

namespace {

constexpr auto known_for = 1h;

}  // namespace

std::string KnownPasswords::hash(AccountId account, const CredentialRow& credential, const sasl::Secret& prepared) const
{
    // The credential's text has no NUL, so where the password begins is beyond doubt.
    std::string text = id_text(account) + credential.argon2 + '\0';
    text.reserve(text.size() + prepared.view().size());
    text += prepared.view();
    std::string out = sasl::hmac_sha256(key_, text);
    sasl::wipe(text);
    return out;
}

bool KnownPasswords::knows(AccountId account, const CredentialRow& credential, const sasl::Secret& prepared)
{
    const std::string wanted = hash(account, credential, prepared);
    const std::scoped_lock lock(mutex_);
    const Entry* entry = known_.find(account);
    return entry && entry->until > clock_.steady() && equals_in_constant_time(entry->hash, wanted);
}

void KnownPasswords::learn(AccountId account, const CredentialRow& credential, const sasl::Secret& prepared)
{
    Entry entry{hash(account, credential, prepared), clock_.steady() + known_for};
    const std::scoped_lock lock(mutex_);
    known_.put(account, std::move(entry));
}

}  // namespace posthouse::directory
