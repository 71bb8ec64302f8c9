#include "msa/login.h"

#include <fmt/format.h>

namespace posthouse::msa {

using smtp::AuthChallenge;
using smtp::AuthDone;
using smtp::AuthStep;
using smtp::Reply;

// RFC 4954 section 6, RFC 5248, RFC 7372. Unknown user and wrong password are one answer.
Reply reply_to(directory::LoginFailure failure)
{
    using enum directory::LoginFailure;
    switch (failure) {
    case wrong: return {535, "5.7.8", "user or password is wrong"};
    case disabled: return {535, "5.7.13", "this account is closed"};
    case malformed: return {501, "5.5.2", "the response does not fit the mechanism"};
    case cancelled: return {501, "5.7.0", "the login was given up"};
    case too_weak: return {534, "5.7.9", "this mechanism is too weak here; use another"};
    case needs_tls: return {538, "5.7.11", "a password needs TLS first; say STARTTLS"};
    case busy: return {454, "4.7.0", "logins cannot be checked now; try again later"};
    case throttled: return {454, "4.7.0", "too many failed logins; wait a while"};
    case unknown_mechanism: return {504, "5.5.4", "this mechanism is not known here"};
    }
    return {454, "4.7.0", "logins cannot be checked now; try again later"};
}

directory::Peer Login::peer() const
{
    directory::Peer peer{.address = facts_.peer.address, .session = facts_.session, .encrypted = facts_.encrypted};
    if (facts_.channel_binding) {
        peer.channel_binding = [&facts = facts_](std::string_view type) {
            if (type == "tls-exporter")
                return facts.channel_binding(net::ChannelBinding::tls_exporter);
            if (type == "tls-server-end-point")
                return facts.channel_binding(net::ChannelBinding::tls_server_end_point);
            return std::string();
        };
    }
    return peer;
}

std::vector<std::string> Login::mechanisms() const { return services_.authenticator.mechanisms(peer()); }

Task<AuthStep> Login::start(std::string mechanism, std::optional<std::string> initial_response)
{
    exchange_ = services_.authenticator.begin(std::move(mechanism), peer());
    directory::SaslStep step = co_await exchange_->start(std::move(initial_response));
    co_return outcome(std::move(step));
}

Task<AuthStep> Login::respond(std::string response)
{
    directory::SaslStep step = co_await exchange_->respond(std::move(response));
    co_return outcome(std::move(step));
}

AuthStep Login::outcome(directory::SaslStep step)
{
    if (auto* challenge = std::get_if<directory::Challenge>(&step))
        return AuthChallenge{std::move(challenge->bytes)};
    exchange_.reset();
    if (const auto* login = std::get_if<directory::LoggedIn>(&step))
        return logged_in(*login);
    return failed(std::get<directory::LoginFailed>(step));
}

AuthDone Login::logged_in(const directory::LoggedIn& login)
{
    const std::string& address = login.account.address;
    place_ = services_.connections.admit_account(login.account.id);
    if (!place_)
        return {{421, "4.7.0", "too many connections of this account; close some"}};
    services_.log.write(LogLevel::info, "msa", facts_.session, "login",
                        {{"account", address}, {"peer", facts_.peer.text()}, {"mechanism", facts_.sasl_mechanism}});
    if (services_.recorder.wanted())
        services_.recorder.step({.session = facts_.session,
                                 .room = "msa",
                                 .step = "login",
                                 .result = address,
                                 .reason = "by " + facts_.sasl_mechanism,
                                 .account = login.account.id});
    return {{235, "2.7.0", "welcome, " + address}, login.account.id, address};
}

AuthDone Login::failed(const directory::LoginFailed& failure)
{
    Reply reply = reply_to(failure.failure);
    services_.log.write(
        LogLevel::warning, "msa", facts_.session, "login failed",
        {{"peer", facts_.peer.text()}, {"mechanism", facts_.sasl_mechanism}, {"reason", failure.reason}});
    if (services_.recorder.wanted())
        services_.recorder.step({facts_.session, 0, "msa", "login failed", reply.codes(), failure.reason});
    return {std::move(reply)};
}

}  // namespace posthouse::msa
