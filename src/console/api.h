// The operator's API: HTTP and JSON on the Unix socket of the data folder, the same endpoints that
// the console page will use. `posthouse domain|account|alias|…` speak to it; without a running
// server they build it over the store themselves and call it in the same process.
//
//   GET    /v1/status
//   GET    /v1/domains                       POST /v1/domains {name}
//   DELETE /v1/domains/NAME                  POST /v1/domains/NAME/catch-all {address}
//   GET    /v1/accounts[?domain=D]           POST /v1/accounts {address, password, name, quota}
//   GET    /v1/accounts/ADDRESS              DELETE /v1/accounts/ADDRESS
//   POST   /v1/accounts/ADDRESS/password {password}  …/quota {bytes}  …/disabled {disabled}
//          …/outgoing {perHour}
//   GET    /v1/accounts/ADDRESS/mailboxes
//   GET    /v1/accounts/ADDRESS/messages?mailbox=M&after=UID    at most 500 a page
//   GET    /v1/accounts/ADDRESS/messages/EMAILID                the message's bytes
//   POST   /v1/accounts/ADDRESS/messages?mailbox=M&flags=F,F&date=MICROSECONDS     body: a message
//   POST   /v1/accounts/ADDRESS/index {anew}                    indexes some thousand messages: {indexed, all}
//   GET    /v1/aliases[?domain=D]            PUT /v1/aliases/ADDRESS {targets}     DELETE …
//   GET    /v1/journeys[?from=A&to=B&messageId=M&since=MICROSECONDS&until=MICROSECONDS&limit=N]     the newest
//   GET    /v1/journeys/ID[?follow=true]     one message's whole journey; also at the houses it was handed on to
//   GET    /v1/journeys/live?after=CURSOR    what was told since, as soon as there is something; at most 1 s
//   GET    /v1/sessions/ID                   what was told of one session
//   GET    /v1/sessions/live?protocol=imap&user=A&peer=IP       records those that begin from now on: {cursor}
//   GET    /v1/sessions/live?after=CURSOR    what was said in them since; at most 1 s. DELETE: no more
//   GET    /v1/accounts/ADDRESS/journeys[?…] and …/journeys/ID     the same, as this user may see it
//   POST   /v1/trace-peer {from, id, depth, time, proof}     another house asks (journey/peer_proof.h)
//   GET    /v1/routes                        GET, DELETE /v1/routes/DOMAIN         DOMAIN: * for all
//   PUT    /v1/routes/DOMAIN {host, port, tls, verifyCertificate, login, password}
//   POST   /v1/explain {from, to}            what would happen to a message; changes nothing
//   GET    /v1/queue[?domain=D]              what waits, by destination and reason
//   GET    /v1/queue/items[?domain=D&most=N] GET /v1/queue/items/ID
//   POST   /v1/queue/items/ID/ACTION {domain, account}     ACTION: retry, hold, release, fail, drop
//   POST   /v1/queue/ACTION {domain} or {all}
//   GET    /v1/queue/routes                  GET /v1/queue/policies
//   PUT    /v1/queue/policies/DOMAIN {retry, warnAfter, giveUpAfter, connections, perMinute}   DELETE …
//   POST   /v1/backup {folder}
//   POST   /v1/check {audit, verify}
//
// Answers are one JSON document; a failure is {type, detail} with a fitting status (RFC 9457).
//
// Threads: any. Authorisation: who can open the socket is the operator (mode 0600, SO_PEERCRED
// checked by who serves it).
#pragma once

#include "base/log.h"
#include "console/queue_desk.h"
#include "console/routing_desk.h"
#include "console/trace_peers.h"
#include "directory/directory.h"
#include "directory/outgoing.h"
#include "journey/journeys.h"
#include "journey/session_recorder.h"
#include "mailbox/mailbox.h"
#include "net/http.h"

#include <boost/json.hpp>

namespace posthouse::console {

// What the roof knows and the API only passes on: the store's upkeep and the state of the house.
class Upkeep {
public:
    virtual ~Upkeep() = default;
    virtual Task<Result<boost::json::object>> status() = 0;
    virtual Task<Result<boost::json::object>> backup(std::string folder) = 0;
    virtual Task<Result<boost::json::object>> verify() = 0;
    // What waits in the queue, as far as the audit needs it.
    virtual Task<Result<boost::json::object>> audit_queue() = 0;
};

struct ApiServices {
    directory::Directory& directory;
    mailbox::Mailboxes& mailboxes;
    journey::Journeys& journeys;
    journey::SessionRecorder& sessions;
    TracePeers* peers;  // null: none
    Upkeep& upkeep;
    RoutingDesk& routing;
    QueueDesk& queue;
    directory::Outgoing& outgoing;
    const Clock& clock;
    Log& log;
};

inline constexpr std::size_t most_request = 128 * 1024 * 1024;  // an imported message

class Api final : public net::HttpHandler {
public:
    explicit Api(ApiServices services) : services_(services) { }
    Task<net::HttpResponse> handle(net::HttpRequest request) override;

private:
    Task<Result<boost::json::value>> domains(net::HttpRequest request);
    Task<Result<boost::json::value>> accounts(net::HttpRequest request);
    Task<Result<boost::json::value>> account(net::HttpRequest request);
    Task<Result<boost::json::value>> change_account(net::HttpRequest request);
    Task<Result<boost::json::value>> index_account(std::string address, bool anew);
    Task<Result<boost::json::value>> aliases(net::HttpRequest request);
    Task<Result<boost::json::value>> mailboxes(std::string address);
    Task<Result<boost::json::value>> messages(net::HttpRequest request);
    Task<Result<std::string>> message(std::string address, std::string id);
    Task<Result<boost::json::value>> import_message(net::HttpRequest request);
    Task<Result<boost::json::value>> queue(net::HttpRequest request);
    Task<Result<boost::json::value>> queue_policies(net::HttpRequest request);
    Task<Result<boost::json::value>> check(net::HttpRequest request);
    Task<Result<boost::json::value>> journeys(net::HttpRequest request, Id account);
    Task<Result<boost::json::value>> journey(std::string id, Id account, unsigned depth);
    Task<void> follow(boost::json::object& journey, unsigned depth);
    Task<Result<boost::json::value>> answer_peer(net::HttpRequest request);
    Task<Result<boost::json::value>> live_journeys(net::HttpRequest request);
    Task<Result<boost::json::value>> session(std::string id);
    Task<Result<std::string>> address_of(std::string name);
    Task<Result<boost::json::value>> live_sessions(net::HttpRequest request);
    Task<Result<boost::json::value>> journeys_of_account(net::HttpRequest request);
    Task<Result<boost::json::value>> routes(net::HttpRequest request);
    Task<Result<boost::json::value>> explain(net::HttpRequest request);
    Task<Result<boost::json::value>> route(net::HttpRequest request);
    Task<Result<mailbox::AccountPtr>> open(std::string address);

    ApiServices services_;
};

}  // namespace posthouse::console
