// The Authenticator over the stored credentials: who may guess, and whether the guess is right.
// What the mechanisms say is in exchanges.h.
#pragma once

#include "directory/cached_rows.h"
#include "directory/guesses.h"
#include "directory/known_passwords.h"
#include "directory/make.h"
#include "directory/password.h"

namespace posthouse::directory {

// Who claims to log in. Somebody who does not exist looks the same in every way that shows.
struct Claimant {
    std::string name;  // canonical, or what was typed where it is no address
    std::optional<Account> account;
    std::optional<CredentialRow> credential;
};

class StoredAuthenticator final : public Authenticator {
public:
    StoredAuthenticator(std::shared_ptr<CachedRows> rows, Services services, PasswordCosts costs, GuessLimits limits);

    std::vector<std::string> mechanisms(const Peer& peer) const override;
    std::unique_ptr<SaslExchange> begin(std::string mechanism, Peer peer) override;
    Task<SaslStep> login(std::string user, std::string password, Peer peer) override;

    // For the exchanges.
    // `authorisation`: whom the user wants to be (SASL's authzid); empty or the user's own name.
    Task<SaslStep> check_password(std::string authorisation, std::string user, sasl::Secret password, Peer peer);
    Task<Result<Claimant>> find(std::string user);
    // The keys that a claimant's proof is held against. Invented ones, the same each time, where
    // there is nobody: RFC 5802 section 5.1 would otherwise tell who exists by their salt.
    Task<Result<sasl::ScramKeys>> scram_keys(Claimant claimant);
    Task<std::optional<LoginFailed>> admit(Guesses::Ticket ticket, Claimant claimant, Peer peer);
    SaslStep succeed(const Guesses::Ticket& ticket, const Claimant& claimant, const Peer& peer);
    LoginFailed refuse(LoginFailure failure, std::string reason, const Claimant& claimant, const Peer& peer);
    Guesses& guesses() { return guesses_; }
    std::string nonce();  // 18 random bytes in base64

private:
    Task<Result<bool>> is_right(Claimant claimant, sasl::Secret password);
    Task<Result<std::string>> secret();

    std::shared_ptr<CachedRows> rows_;
    Services services_;
    PasswordCosts costs_;
    Guesses guesses_;
    KnownPasswords known_;
};

}  // namespace posthouse::directory
