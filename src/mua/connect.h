// From "mail.example.org" to a connection with TLS on it, for each of the three protocols.
//
// Which ports and which kind of TLS: what the person or the identity says; the usual ports otherwise,
// TLS from the first byte first (RFC 8314 section 3). Where a port tells nothing, TLS is tried and, if
// the server does not speak it there, STARTTLS; either is checked against the certificate, so there is
// no way down for whoever sits in between.
//
// Threads: one loop. Names are resolved by the system's resolver, which blocks that loop: a command
// line has nothing else to do.
#pragma once

#include "base/random.h"
#include "imap/client/client.h"
#include "mua/identity.h"
#include "pop3/client/client.h"
#include "smtp/client.h"

#include <memory>

namespace posthouse::mua {

// How connections are made and watched.
struct Manner {
    bool insecure = false;  // any certificate will do
    std::string certificate;  // a PEM file to trust; empty: the system's roots
    std::function<void(Speaker, std::string_view)> show;  // each line of the dialogue
};

enum class Protocol : std::uint8_t { imap, pop3, submission };

struct Attempt {
    std::uint16_t port = 0;
    Security security = Security::automatic;  // tls, starttls or none
    friend bool operator==(const Attempt&, const Attempt&) = default;
};
// What to try, in order.
std::vector<Attempt> attempts_for(Protocol protocol, const ServerAt& server);

// Greeted and, unless the person said otherwise, behind TLS. Errors: tls with a sentence about the
// certificate, unavailable with what was tried.
Task<Result<std::unique_ptr<imap::Client>>> connect_imap(ServerAt server, Manner manner, const Clock& clock);
Task<Result<std::unique_ptr<pop3::Client>>> connect_pop3(ServerAt server, Manner manner, const Clock& clock);
// The EHLO after TLS has been said as well.
Task<Result<std::unique_ptr<smtp::Client>>> connect_submission(ServerAt server, Manner manner, const Clock& clock);

// The addresses of a name, or the address itself. Errors: not_found, unavailable.
Result<std::vector<std::string>> resolve(const std::string& host);
Task<Result<net::Wire>> dial(std::string host, std::uint16_t port, const Clock& clock);

// What we call ourselves in EHLO: the machine's name, else its address in brackets.
std::string own_name(const net::Wire& wire);

// Why a certificate was refused and what can be done, as a sentence; what is about something else
// comes back as it is.
Error explained(Error error, const ServerAt& server);
bool is_about_certificate(const Error& error);
bool is_loopback(std::string_view address);

}  // namespace posthouse::mua
