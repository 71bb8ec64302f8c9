// From a host's addresses to a connection that takes mail: connect, greeting, EHLO, STARTTLS, AUTH.
//
// Addresses are tried one after the other; the deadline until a greeting is shared by all of them, and
// by all hosts of a shipment. TLS that fails is given up where the route allows it: the next connection
// to that address is made without, and the journey says why.
//
// Threads: the pool's loop. Lifetime: a local of whoever carries; what it refers to are services.
#pragma once

#include "mta/relay/fates.h"
#include "mta/relay/misfortunes.h"
#include "mta/relay/pool.h"
#include "net/tls.h"
#include "smtp/router.h"

namespace posthouse::mta::relay {

struct ApproachServices {
    const Clock& clock;
    Random& random;
    IdSource& ids;
    Recorder& recorder;
    const net::TlsContext& any_certificate;  // verifies nothing, and tells what it saw
    const net::TlsContext& good_certificate;  // refuses what does not verify
    Misfortunes& misfortunes;
};

struct ApproachSettings {
    std::string host_name;  // ours, said in EHLO
    std::string source_v4;  // our addresses to connect from; empty: the system's choice
    std::string source_v6;
    Duration connect = 30s;  // for one address
    Duration trouble = 1min;  // how long an address that did not answer is tried last
    Duration without_tls = 10min;  // how long an address whose TLS failed is asked without
    smtp::ClientPatience patience;
};

class Approach {
public:
    Approach(const ApproachServices& services, const ApproachSettings& settings, Pool& pool, const smtp::Route& route,
             const smtp::RouteHost& host, Id message, Deadline until_greeting) :
        services_(services),
        settings_(settings),
        pool_(pool),
        route_(route),
        host_(host),
        message_(message),
        until_greeting_(until_greeting)
    {
    }

    // Ready, or null: failure() says why. The place goes where the connection goes.
    Task<std::unique_ptr<Connection>> open(Place place);
    const smtp::RecipientFate& failure() const { return failure_; }

private:
    enum class WithTls : bool { no, yes };
    enum class Outcome : std::uint8_t { ready, failed, again_without_tls };

    std::vector<std::string> addresses_in_order() const;
    Task<Outcome> try_address(std::string address, std::size_t left, WithTls with_tls);
    Task<bool> greet(std::size_t left);
    Task<bool> hello();
    Task<Outcome> start_tls();
    Task<bool> log_in();
    bool judge(const Result<smtp::Reply>& reply, std::string_view place);
    bool fails(std::string status, std::string reason, smtp::Reply reply = {});
    bool no_answer(const Error& error, std::string_view place);
    void tell(std::string_view step, std::string_view result, std::string_view reason) const;
    void tell_hop() const;
    void tell_tls() const;

    const ApproachServices& services_;
    const ApproachSettings& settings_;
    Pool& pool_;
    const smtp::Route& route_;
    const smtp::RouteHost& host_;
    Id message_;
    Deadline until_greeting_;
    Peer peer_;
    Place place_;
    std::unique_ptr<Connection> connection_;
    smtp::RecipientFate failure_;
};

}  // namespace posthouse::mta::relay
