// The mechanisms as SASL exchanges: what is said in which order. Who may log in decides the
// authenticator.
#pragma once

#include "directory/sasl.h"

namespace posthouse::directory {

class StoredAuthenticator;
struct Claimant;

// One that only says so for a mechanism that is unknown or not for this connection.
std::unique_ptr<SaslExchange> make_exchange(StoredAuthenticator& authenticator, std::string mechanism, Peer peer);

bool has_channel_binding(const Peer& peer);
// SASL's authorisation identity: nobody acts for others here.
bool is_own_name(std::string_view authorisation, const Claimant& claimant);

}  // namespace posthouse::directory
