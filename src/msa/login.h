// AUTH (RFC 4954): the smtp room's questions to the directory's SASL exchanges, and back.
#pragma once

#include "msa/submission.h"

namespace posthouse::msa {

// One session's logins. Threads: the session's loop.
class Login {
public:
    Login(const Services& services, const smtp::SessionFacts& facts) : services_(services), facts_(facts) { }

    std::vector<std::string> mechanisms() const;
    Task<smtp::AuthStep> start(std::string mechanism, std::optional<std::string> initial_response);
    Task<smtp::AuthStep> respond(std::string response);

private:
    directory::Peer peer() const;
    smtp::AuthStep outcome(directory::SaslStep step);
    smtp::AuthDone logged_in(const directory::LoggedIn& login);
    smtp::AuthDone failed(const directory::LoginFailed& failure);

    const Services& services_;
    const smtp::SessionFacts& facts_;
    std::unique_ptr<directory::SaslExchange> exchange_;
    net::ConnectionTable::Ticket place_;  // among the account's connections
};

smtp::Reply reply_to(directory::LoginFailure failure);

}  // namespace posthouse::msa
