#include "directory/exchanges.h"

#include "base/text.h"
#include "directory/stored_authenticator.h"
#include "sasl/plain.h"

namespace posthouse::directory {

namespace {

std::string channel_binding(const Peer& peer, std::string_view type)
{
    return peer.channel_binding ? peer.channel_binding(type) : std::string();
}

LoginFailed malformed(std::string reason) { return {LoginFailure::malformed, std::move(reason)}; }

// Not to be had here, and why.
class NoExchange final : public SaslExchange {
public:
    explicit NoExchange(LoginFailed failed) : failed_(std::move(failed)) { }
    Task<SaslStep> start(std::optional<std::string>) override { co_return failed_; }
    Task<SaslStep> respond(std::string) override { co_return failed_; }

private:
    LoginFailed failed_;
};

class PlainExchange final : public SaslExchange {
public:
    PlainExchange(StoredAuthenticator& authenticator, Peer peer) : authenticator_(authenticator), peer_(std::move(peer))
    {
    }

    Task<SaslStep> start(std::optional<std::string> initial_response) override
    {
        if (!initial_response)
            co_return Challenge{};
        co_return co_await respond(std::move(*initial_response));
    }

    Task<SaslStep> respond(std::string response) override
    {
        std::optional<sasl::PlainMessage> message = sasl::parse_plain(std::move(response));
        if (!message)
            co_return malformed("not a PLAIN message");
        co_return co_await authenticator_.check_password(std::move(message->authorisation), std::move(message->user),
                                                         std::move(message->password), peer_);
    }

private:
    StoredAuthenticator& authenticator_;
    Peer peer_;
};

// draft-murchison-sasl-login: the challenges are matched by some clients to the letter.
class LoginExchange final : public SaslExchange {
public:
    LoginExchange(StoredAuthenticator& authenticator, Peer peer) : authenticator_(authenticator), peer_(std::move(peer))
    {
    }

    Task<SaslStep> start(std::optional<std::string> initial_response) override
    {
        if (!initial_response)
            co_return Challenge{"Username:"};
        co_return co_await respond(std::move(*initial_response));
    }

    Task<SaslStep> respond(std::string response) override
    {
        if (!user_) {
            if (response.empty() || response.size() > 1024)
                co_return malformed("not a user name");
            user_ = std::move(response);
            co_return Challenge{"Password:"};
        }
        sasl::Secret password(std::move(response));
        if (password.empty())
            co_return malformed("no password");
        co_return co_await authenticator_.check_password("", *user_, std::move(password), peer_);
    }

private:
    StoredAuthenticator& authenticator_;
    Peer peer_;
    std::optional<std::string> user_;
};

enum class Plus : bool { no, yes };

// RFC 5802 section 5: client-first, server-first, client-final, server-final, and the client's
// empty answer to it.
class ScramExchange final : public SaslExchange {
public:
    ScramExchange(StoredAuthenticator& authenticator, Peer peer, Plus plus) :
        authenticator_(authenticator), peer_(std::move(peer)), plus_(plus)
    {
    }

    Task<SaslStep> start(std::optional<std::string> initial_response) override
    {
        if (!initial_response)
            co_return Challenge{};
        co_return co_await respond(std::move(*initial_response));
    }

    Task<SaslStep> respond(std::string response) override
    {
        switch (state_) {
        case State::first: co_return co_await on_first(std::move(response));
        case State::final: co_return co_await on_final(std::move(response));
        case State::confirm:
            state_ = State::over;
            if (!response.empty())
                co_return malformed("something after the server's signature");
            co_return std::move(success_);
        case State::over: break;
        }
        co_return malformed("the exchange is over");
    }

private:
    enum class State { first, final, confirm, over };

    // RFC 5802 section 6: the binding must be what the mechanism promises, and a client that thinks
    // we have none, where we offered one, was lied to by somebody in between.
    std::optional<LoginFailed> fault_of_binding() const
    {
        if (plus_ == Plus::yes && first_.binding != sasl::ClientBinding::used)
            return malformed("SCRAM-SHA-256-PLUS without a channel binding");
        if (plus_ == Plus::no && first_.binding == sasl::ClientBinding::used)
            return malformed("SCRAM-SHA-256 with a channel binding");
        if (first_.binding == sasl::ClientBinding::client_only && peer_.was_told_of_plus && has_channel_binding(peer_))
            return LoginFailed{LoginFailure::wrong, "the offer of channel binding was stripped on the way"};
        if (plus_ == Plus::yes && channel_binding(peer_, first_.binding_type).empty())
            return malformed("no channel binding of type " + first_.binding_type);
        return std::nullopt;
    }

    Task<SaslStep> on_first(std::string message)
    {
        state_ = State::over;
        std::optional<sasl::ClientFirst> parsed = sasl::parse_client_first(message);
        if (!parsed)
            co_return malformed("not a first SCRAM message");
        first_ = std::move(*parsed);
        std::optional<LoginFailed> fault = fault_of_binding();
        if (fault)
            co_return std::move(*fault);
        Result<Claimant> found = co_await authenticator_.find(first_.user);
        if (!found)
            co_return LoginFailed{LoginFailure::busy, found.error().text};
        claimant_ = std::move(*found);
        Result<sasl::ScramKeys> keys = co_await authenticator_.scram_keys(claimant_);
        if (!keys)
            co_return LoginFailed{LoginFailure::busy, keys.error().text};
        keys_ = std::move(*keys);
        nonce_ = first_.nonce + authenticator_.nonce();
        server_first_ = sasl::write(sasl::ServerFirst{nonce_, keys_.salt, keys_.iterations});
        state_ = State::final;
        co_return Challenge{server_first_};
    }

    Task<SaslStep> on_final(std::string message)
    {
        state_ = State::over;
        const std::optional<sasl::ClientFinal> final = sasl::parse_client_final(message);
        if (!final)
            co_return malformed("not a final SCRAM message");
        // Each exchange has its nonce, so one that was listened to cannot be played again.
        if (final->nonce != nonce_)
            co_return authenticator_.refuse(LoginFailure::wrong, "another exchange's nonce", claimant_, peer_);
        const Guesses::Ticket ticket = authenticator_.guesses().ask(peer_.address, claimant_.name);
        std::optional<LoginFailed> failed = co_await authenticator_.admit(ticket, claimant_, peer_);
        if (failed)
            co_return std::move(*failed);
        co_return judge(*final, ticket);
    }

    SaslStep judge(const sasl::ClientFinal& final, const Guesses::Ticket& ticket)
    {
        const std::string bound = first_.gs2_header + channel_binding(peer_, first_.binding_type);
        const std::string said = sasl::auth_message(first_.bare, server_first_, final.without_proof);
        const bool is_right = sasl::is_right_proof(keys_, said, final.proof);
        if (!is_right || !claimant_.account)
            return authenticator_.refuse(LoginFailure::wrong, claimant_.account ? "wrong password" : "no such account",
                                         claimant_, peer_);
        if (!equals_in_constant_time(final.binding, bound))
            return authenticator_.refuse(LoginFailure::wrong, "bound to another channel: somebody is in between",
                                         claimant_, peer_);
        if (!is_own_name(first_.authorisation, claimant_))
            return authenticator_.refuse(LoginFailure::wrong, "may not act for " + first_.authorisation, claimant_,
                                         peer_);
        success_ = authenticator_.succeed(ticket, claimant_, peer_);
        if (!std::holds_alternative<LoggedIn>(success_))
            return success_;
        state_ = State::confirm;
        return Challenge{sasl::server_final(keys_, said)};
    }

    StoredAuthenticator& authenticator_;
    Peer peer_;
    Plus plus_;
    State state_ = State::first;
    sasl::ClientFirst first_;
    Claimant claimant_;
    sasl::ScramKeys keys_;
    std::string nonce_;
    std::string server_first_;
    SaslStep success_;
};

}  // namespace

bool has_channel_binding(const Peer& peer)
{
    return !channel_binding(peer, "tls-exporter").empty() || !channel_binding(peer, "tls-server-end-point").empty();
}

bool is_own_name(std::string_view authorisation, const Claimant& claimant)
{
    if (authorisation.empty())
        return true;
    const Result<Name> name = normal_address(authorisation);
    return name && name->text() == claimant.name;
}

std::unique_ptr<SaslExchange> make_exchange(StoredAuthenticator& authenticator, std::string mechanism, Peer peer)
{
    mechanism = to_upper(mechanism);
    const auto no = [](LoginFailure failure, std::string reason) {
        return std::make_unique<NoExchange>(LoginFailed{failure, std::move(reason)});
    };
    if (mechanism == "PLAIN" || mechanism == "LOGIN") {
        if (!peer.encrypted)
            return no(LoginFailure::needs_tls, mechanism + " in the clear");
        if (mechanism == "PLAIN")
            return std::make_unique<PlainExchange>(authenticator, std::move(peer));
        return std::make_unique<LoginExchange>(authenticator, std::move(peer));
    }
    if (mechanism == "SCRAM-SHA-256")
        return std::make_unique<ScramExchange>(authenticator, std::move(peer), Plus::no);
    if (mechanism == "SCRAM-SHA-256-PLUS") {
        if (!has_channel_binding(peer))
            return no(LoginFailure::too_weak, "no channel to bind to");
        return std::make_unique<ScramExchange>(authenticator, std::move(peer), Plus::yes);
    }
    return no(LoginFailure::unknown_mechanism, "unknown mechanism");
}

}  // namespace posthouse::directory
