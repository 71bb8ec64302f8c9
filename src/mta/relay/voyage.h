// One shipment on its way: hosts in order, one transaction after the other, until everybody has a fate.
//
//     a recipient is     when                                     and then
//     settled            relayed, failed, or in doubt             has its fate
//     open               deferred, or not tried yet               is tried at the next host, if there is one
//
// In doubt means: all was sent and no answer came. Nobody is tried elsewhere then, it might arrive twice.
//
// Threads: the pool's loop. Lifetime: a local of Relay::carry_here().
#pragma once

#include "mta/relay/approach.h"

#include <optional>
#include <vector>

namespace posthouse::mta::relay {

struct VoyageSettings {
    Duration until_greeting = 5min;  // over all addresses of all hosts
    Duration for_connection = 2min;  // until a host that has all its connections has one for us
    unsigned most_sessions = 2;  // hosts that hear of one shipment in one attempt
};

class Voyage {
public:
    Voyage(smtp::Router& router, const ApproachServices& services, const ApproachSettings& approach,
           const VoyageSettings& settings, Pool& pool, smtp::Shipment shipment) :
        router_(router),
        services_(services),
        approach_(approach),
        settings_(settings),
        pool_(pool),
        shipment_(std::move(shipment)),
        fates_(shipment_.envelope.recipients.size())
    {
    }

    Task<std::vector<smtp::RecipientFate>> run();

private:
    struct Transaction;

    bool is_open(std::size_t index) const;
    std::vector<std::size_t> open_ones() const;
    void settle(std::size_t index, smtp::RecipientFate fate);
    void settle_all(const smtp::RecipientFate& fate);

    Task<void> try_hosts(const smtp::Route& route);
    // True: the host heard of it.
    Task<bool> try_host(const smtp::Route& route, const smtp::RouteHost& host);
    Task<std::unique_ptr<Connection>> connection_to(const smtp::Route& route, const smtp::RouteHost& host,
                                                    Pool::Want want);
    enum class Carried : std::uint8_t { done, stale };
    Task<Carried> carry_over(Connection& connection);
    Task<smtp::Sent> send(Connection& connection, smtp::Envelope envelope);
    Transaction next_transaction(const smtp::Client& client, const Peer& peer);
    void tell(Id session, std::string_view step, std::string_view result, std::string_view reason) const;
    void tell_reuse(Connection& connection) const;
    void tell_fates(const Connection& connection, const std::vector<std::size_t>& who) const;

    smtp::Router& router_;
    const ApproachServices& services_;
    const ApproachSettings& approach_;
    const VoyageSettings& settings_;
    Pool& pool_;
    smtp::Shipment shipment_;
    std::vector<std::optional<smtp::RecipientFate>> fates_;
    std::vector<bool> tried_here_;  // over the connection that is in use
    Deadline until_greeting_;
    std::size_t most_recipients_ = smtp::Carrier::most_recipients;  // in one transaction; a 452 lowers it
};

}  // namespace posthouse::mta::relay
