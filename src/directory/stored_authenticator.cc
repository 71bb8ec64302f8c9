#include "directory/stored_authenticator.h"

#include "base/text.h"
#include "directory/exchanges.h"
#include "sasl/prepare.h"

namespace posthouse::directory {

namespace {

// How long a login waits for others from its address or to its account, whose passwords are being looked at.
constexpr Duration longest_crowd = 30s;
constexpr Duration crowd_step = 20ms;

}  // namespace

StoredAuthenticator::StoredAuthenticator(std::shared_ptr<CachedRows> rows, Services services, PasswordCosts costs,
                                         GuessLimits limits) :
    rows_(std::move(rows)),
    services_(services),
    costs_(costs),
    guesses_(services.clock, HashKey::fresh(services.random), limits),
    known_(services.clock, services.random)
{
}

std::vector<std::string> StoredAuthenticator::mechanisms(const Peer& peer) const
{
    std::vector<std::string> names;
    if (has_channel_binding(peer))
        names.emplace_back("SCRAM-SHA-256-PLUS");
    names.emplace_back("SCRAM-SHA-256");
    if (peer.encrypted) {
        names.emplace_back("PLAIN");
        names.emplace_back("LOGIN");
    }
    return names;
}

std::unique_ptr<SaslExchange> StoredAuthenticator::begin(std::string mechanism, Peer peer)
{
    return make_exchange(*this, std::move(mechanism), std::move(peer));
}

Task<SaslStep> StoredAuthenticator::login(std::string user, std::string password, Peer peer)
{
    sasl::Secret secret(std::move(password));
    if (!peer.encrypted)
        co_return LoginFailed{LoginFailure::needs_tls, "a password in the clear"};
    co_return co_await check_password("", std::move(user), std::move(secret), std::move(peer));
}

Task<Result<Claimant>> StoredAuthenticator::find(std::string user)
{
    Claimant claimant{.name = user.substr(0, sasl::longest_name)};
    if (!user.contains('@')) {
        const Result<RowPtr> primary = co_await rows_->read(primary_domain_key());
        if (!primary)
            co_return fail(primary.error());
        const Result<std::string> domain = *primary ? decode_text(**primary) : Result<std::string>();
        user += '@' + (domain ? *domain : "");
    }
    const Result<Name> name = normal_address(user);
    if (!name)
        co_return claimant;
    claimant.name = name->text();
    const Result<RowPtr> by_name = co_await rows_->read(name_key(*name));
    if (!by_name)
        co_return fail(by_name.error());
    const Result<NameRow> decoded = *by_name ? decode<NameRow>(**by_name) : NameRow{};
    if (!decoded)
        co_return fail(decoded.error());
    if (decoded->account == 0)
        co_return claimant;
    const Result<RowPtr> account = co_await rows_->read(account_key(decoded->account));
    if (!account)
        co_return fail(account.error());
    const Result<RowPtr> credential = co_await rows_->read(credential_key(decoded->account));
    if (!credential)
        co_return fail(credential.error());
    if (!*account || !*credential)
        co_return claimant;
    Result<Account> account_row = decode<Account>(**account);
    Result<CredentialRow> credential_row = decode<CredentialRow>(**credential);
    if (!account_row || !credential_row)
        co_return fail(account_row ? credential_row.error() : account_row.error());
    claimant.account = std::move(*account_row);
    claimant.credential = std::move(*credential_row);
    co_return claimant;
}

Task<std::optional<LoginFailed>> StoredAuthenticator::admit(Guesses::Ticket ticket, Claimant claimant, Peer peer)
{
    if (ticket.is_refused)
        co_return refuse(LoginFailure::throttled, "too many wrong passwords", claimant, peer);
    if (ticket.wait > Duration::zero())
        co_await sleep_for(ticket.wait);
    co_return std::nullopt;
}

Task<SaslStep> StoredAuthenticator::check_password(std::string authorisation, std::string user, sasl::Secret password,
                                                   Peer peer)
{
    const Result<Claimant> found = co_await find(user);
    if (!found)
        co_return LoginFailed{LoginFailure::busy, found.error().text};
    Claimant claimant = *found;
    for (Duration waited{}; waited < longest_crowd && guesses_.is_crowded(peer.address, claimant.name);
         waited += crowd_step)
        co_await sleep_for(crowd_step);
    const Guesses::Ticket ticket = guesses_.ask(peer.address, claimant.name);
    const Guesses::Looking looking(guesses_, ticket);
    std::optional<LoginFailed> failed = co_await admit(ticket, claimant, peer);
    if (failed)
        co_return std::move(*failed);

    Result<sasl::Secret> prepared = sasl::prepare_password(password.view());
    if (!prepared) {  // cannot be anybody's, and costs as much
        claimant.credential.reset();
        prepared = std::move(password);
    }
    const Result<bool> right = co_await is_right(claimant, std::move(*prepared));
    if (!right) {
        guesses_.give_back(ticket);
        co_return refuse(LoginFailure::busy, right.error().text, claimant, peer);
    }
    if (!*right)
        co_return refuse(LoginFailure::wrong, claimant.account ? "wrong password" : "no such account", claimant, peer);
    if (!is_own_name(authorisation, claimant))
        co_return refuse(LoginFailure::wrong, "may not act for " + authorisation, claimant, peer);
    co_return succeed(ticket, claimant, peer);
}

Task<Result<bool>> StoredAuthenticator::is_right(Claimant claimant, sasl::Secret password)
{
    if (!claimant.account || !claimant.credential) {
        auto waste = [password = std::move(password), costs = costs_] { waste_time(password, costs); };
        const Result<void> wasted = co_await services_.workers.offload(std::move(waste));
        if (!wasted)
            co_return fail(wasted.error());
        co_return false;
    }
    const AccountId account = claimant.account->id;
    if (known_.knows(account, *claimant.credential, password))
        co_return true;
    const auto shared = std::make_shared<const sasl::Secret>(std::move(password));
    auto verify = [shared, argon2 = claimant.credential->argon2] { return is_right_password(argon2, *shared); };
    const Result<bool> right = co_await services_.workers.offload(std::move(verify));
    if (right && *right)
        known_.learn(account, *claimant.credential, *shared);
    co_return right;
}

SaslStep StoredAuthenticator::succeed(const Guesses::Ticket& ticket, const Claimant& claimant, const Peer& peer)
{
    if (claimant.account->disabled) {
        guesses_.give_back(ticket);
        return refuse(LoginFailure::disabled, "the account is disabled", claimant, peer);
    }
    guesses_.succeeded(ticket);
    services_.log.write(LogLevel::debug, "directory", peer.session, "logged in",
                        {{"user", claimant.name}, {"from", peer.address}});
    return LoggedIn{*claimant.account, {}};
}

LoginFailed StoredAuthenticator::refuse(LoginFailure failure, std::string reason, const Claimant& claimant,
                                        const Peer& peer)
{
    services_.log.write(LogLevel::info, "directory", peer.session, "login refused",
                        {{"user", claimant.name}, {"from", peer.address}, {"reason", reason}});
    return {failure, std::move(reason)};
}

Task<Result<std::string>> StoredAuthenticator::secret()
{
    for (int round = 0; round < 3; ++round) {
        const Result<RowPtr> row = co_await rows_->read(secret_key());
        if (!row)
            co_return fail(row.error());
        if (*row)
            co_return decode_text(**row);
        store::Batch batch{.partition = partition, .id = services_.ids.next(), .purpose = store::Purpose::upkeep};
        batch.checks.push_back({secret_key(), std::nullopt});
        batch.puts.push_back({secret_key(), encode_text(services_.random.bytes(32))});
        const store::Outcome outcome = co_await rows_->commit(std::move(batch));
        if (outcome != store::Outcome::ok && outcome != store::Outcome::conflict)
            co_return fail(store::to_error(outcome));
    }
    co_return fail(ErrorCode::conflict, "the directory's secret does not stay");
}

Task<Result<sasl::ScramKeys>> StoredAuthenticator::scram_keys(Claimant claimant)
{
    // Read for everybody, so that existing users do not answer sooner.
    const Result<std::string> secret = co_await this->secret();
    if (!secret)
        co_return fail(secret.error());
    if (claimant.account && claimant.credential)
        co_return claimant.credential->scram;
    const auto invent = [&](std::string_view what) {
        return sasl::hmac_sha256(*secret, std::string(what) + ' ' + claimant.name);
    };
    co_return sasl::ScramKeys{invent("salt").substr(0, 16), costs_.scram_iterations, invent("stored key"),
                              invent("server key")};
}

std::string StoredAuthenticator::nonce() { return base64_encode(services_.random.bytes(18)); }

std::vector<std::string> told_to_mail_readers(std::vector<std::string> mechanisms)
{
    std::erase_if(mechanisms, [](const std::string& name) { return name != "PLAIN" && name != "LOGIN"; });
    return mechanisms;
}

}  // namespace posthouse::directory
