#include "mta/relay/voyage.h"

#include "base/text.h"
#include "message/a_labels.h"
#include "mta/relay/seven_bit_source.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mta::relay {

using smtp::Fate;
using smtp::RecipientFate;

namespace {

// What may share a connection: the same host, entered in the same way.
std::string key_of(const smtp::Route& route, const smtp::RouteHost& host)
{
    return fmt::format("{}:{}/{}{}/{}", host.name, host.port, static_cast<int>(route.tls),
                       route.verify_certificate ? "v" : "", route.login ? route.login->name : "");
}

bool needs_smtputf8(const smtp::Path& path) { return !is_ascii(path.local_part) || !is_ascii(path.domain); }

// For a peer without SMTPUTF8: a domain can be said in A-labels, a local part cannot.
smtp::Path in_ascii(const smtp::Path& path)
{
    const Result<std::string> domain = message::in_a_labels(path.domain);
    return {path.local_part, domain ? *domain : path.domain};
}

}  // namespace

// Recipients of one MAIL, and what is said for them.
struct Voyage::Transaction {
    std::vector<std::size_t> who;  // indices of the shipment's recipients
    smtp::Envelope envelope;
};

Task<std::vector<RecipientFate>> Voyage::run()
{
    until_greeting_ = Deadline::in(services_.clock, settings_.until_greeting);
    const smtp::Route route = co_await router_.route(shipment_.domain, shipment_.message);
    switch (route.kind) {
    case smtp::RouteKind::hosts: {
        until_greeting_ = Deadline::in(services_.clock, settings_.until_greeting);
        co_await try_hosts(route);
        break;
    }
    case smtp::RouteKind::ours:
        settle_all(own_fate(Fate::deferred, "4.3.5", fmt::format("{} is a domain of ours now", shipment_.domain)));
        break;
    case smtp::RouteKind::deferred: settle_all(own_fate(Fate::deferred, route.status, route.reason)); break;
    case smtp::RouteKind::failed: settle_all(own_fate(Fate::failed, route.status, route.reason)); break;
    }
    std::vector<RecipientFate> fates;
    fates.reserve(fates_.size());
    for (std::optional<RecipientFate>& fate : fates_)
        fates.push_back(fate ? std::move(*fate)
                             : host_fate("4.4.1", fmt::format("no host of {} was reached", shipment_.domain), {}));
    co_return fates;
}

bool Voyage::is_open(std::size_t index) const
{
    const std::optional<RecipientFate>& fate = fates_[index];
    return !fate || (fate->fate == Fate::deferred && !fate->in_doubt);
}

std::vector<std::size_t> Voyage::open_ones() const
{
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < fates_.size(); ++i)
        if (is_open(i))
            open.push_back(i);
    return open;
}

// A host that answered tells more than one that was not reached.
void Voyage::settle(std::size_t index, RecipientFate fate)
{
    std::optional<RecipientFate>& known = fates_[index];
    if (!known || known->reply.code == 0 || fate.reply.code != 0 || fate.fate != Fate::deferred || fate.in_doubt)
        known = std::move(fate);
}

void Voyage::settle_all(const RecipientFate& fate)
{
    for (std::size_t i = 0; i < fates_.size(); ++i)
        if (is_open(i))
            settle(i, fate);
}

// --- hosts ------------------------------------------------------------------------------------

Task<void> Voyage::try_hosts(const smtp::Route& route)
{
    unsigned sessions = 0;
    for (const smtp::RouteHost& host : route.hosts) {
        if (sessions >= settings_.most_sessions || pool_.is_stopping() || until_greeting_.passed(services_.clock))
            break;
        const bool heard = co_await try_host(route, host);
        sessions += heard ? 1 : 0;
        if (open_ones().empty())
            break;
    }
    if (pool_.is_stopping())
        settle_all(own_fate(Fate::deferred, "4.3.2", "we are shutting down"));
}

Task<bool> Voyage::try_host(const smtp::Route& route, const smtp::RouteHost& host)
{
    Pool::Want want = Pool::Want::any;
    for (;;) {
        std::unique_ptr<Connection> connection = co_await connection_to(route, host, want);
        if (!connection)
            co_return false;
        const Carried carried = co_await carry_over(*connection);
        pool_.give_back(std::move(connection));
        if (carried == Carried::done || want == Pool::Want::fresh)
            co_return true;
        want = Pool::Want::fresh;  // it had gone while it was idle: no fault of the host
    }
}

Task<std::unique_ptr<Connection>> Voyage::connection_to(const smtp::Route& route, const smtp::RouteHost& host,
                                                        Pool::Want want)
{
    Pool::Got got = co_await pool_.acquire(key_of(route, host), want, settings_.for_connection);
    if (got.connection) {
        got.connection->message = shipment_.message;
        tell_reuse(*got.connection);
        co_return std::move(got.connection);
    }
    if (!got.place) {
        settle_all(own_fate(Fate::deferred, "4.4.5", fmt::format("all connections to {} are busy", host.name)));
        co_return nullptr;
    }
    Approach approach(services_, approach_, pool_, route, host, shipment_.message, until_greeting_);
    std::unique_ptr<Connection> connection = co_await approach.open(std::move(got.place));
    if (!connection)
        settle_all(approach.failure());
    co_return connection;
}

// --- transactions -----------------------------------------------------------------------------

// As many as the peer takes at once. Whoever cannot be said to this peer at all is settled here.
Voyage::Transaction Voyage::next_transaction(const smtp::Client& client, const Peer& peer)
{
    const smtp::Capabilities& server = client.capabilities();
    Transaction next;
    next.envelope = shipment_.envelope;
    next.envelope.recipients.clear();
    next.envelope.declared_size = shipment_.size;
    next.envelope.hold_until.reset();  // it has been held, here
    next.envelope.body =
        shipment_.eight_bit && server.eight_bit ? smtp::BodyType::eight_bit : smtp::BodyType::seven_bit;
    // RFC 6531 section 3.5: without the extension there is no way for such addresses and headers. The address
    // first: where it stands in our own trace field, that is no reason to blame the header.
    if (!server.smtputf8)
        next.envelope.reverse_path = in_ascii(next.envelope.reverse_path);
    for (std::size_t i = 0; i < fates_.size() && !server.smtputf8; ++i)
        if (is_open(i) && needs_smtputf8(in_ascii(shipment_.envelope.recipients[i].path)))
            settle(i,
                   own_fate(Fate::failed, "5.6.7",
                            fmt::format("{} takes no address with other letters than ASCII", peer.name), peer));
    const bool utf8_message = shipment_.envelope.smtputf8 && shipment_.utf8_header;
    bool uses_utf8 = utf8_message || needs_smtputf8(next.envelope.reverse_path);
    if (uses_utf8 && !server.smtputf8) {
        settle_all(own_fate(Fate::failed, utf8_message ? "5.6.9" : "5.6.7",
                            fmt::format("{} takes no {} with other letters than ASCII", peer.name,
                                        utf8_message ? "header" : "sender's address"),
                            peer));
        return next;
    }
    std::size_t most = std::min(most_recipients_, smtp::Carrier::most_recipients);
    if (server.most_recipients != 0)
        most = std::min<std::size_t>(most, server.most_recipients);
    for (std::size_t i = 0; i < fates_.size() && next.who.size() < most; ++i) {
        if (!is_open(i) || tried_here_[i])
            continue;
        smtp::Recipient recipient = shipment_.envelope.recipients[i];
        if (!server.smtputf8)
            recipient.path = in_ascii(recipient.path);
        uses_utf8 = uses_utf8 || needs_smtputf8(recipient.path);
        next.who.push_back(i);
        next.envelope.recipients.push_back(std::move(recipient));
    }
    next.envelope.smtputf8 = uses_utf8;
    return next;
}

Task<Voyage::Carried> Voyage::carry_over(Connection& connection)
{
    const bool was_used = connection.messages > 0;
    bool is_first = true;
    tried_here_.assign(fates_.size(), false);
    while (connection.client.is_usable()) {
        const Peer peer{connection.host, connection.address, connection.client.capabilities().dsn};
        Transaction transaction = next_transaction(connection.client, peer);
        if (transaction.who.empty())
            break;
        const std::vector<smtp::Recipient> recipients = transaction.envelope.recipients;
        const smtp::Sent sent = co_await send(connection, std::move(transaction.envelope));
        const bool nothing_heard = sent.fault && sent.sender.code == 0 && !sent.in_doubt;
        if (was_used && std::exchange(is_first, false) && (nothing_heard || sent.sender.code == 421))
            co_return Carried::stale;
        ++connection.messages;
        std::vector<RecipientFate> fates = fates_of(sent, shipment_.envelope.reverse_path, recipients, peer);
        const auto taken = static_cast<std::size_t>(std::ranges::count_if(sent.recipients, &smtp::Reply::is_success));
        const bool comes_again = taken > 0 && sent.accepted();
        for (std::size_t i = 0; i < fates.size(); ++i) {
            // Too many at once, and the others are through: once more with these, now.
            if (comes_again && is_too_many(sent.recipients[i])) {
                most_recipients_ = std::min(most_recipients_, taken);
                continue;
            }
            tried_here_[transaction.who[i]] = true;
            settle(transaction.who[i], std::move(fates[i]));
        }
        tell_fates(connection, transaction.who);
        const std::size_t limit = connection.client.capabilities().most_messages;
        if (limit != 0 && connection.messages >= limit)
            break;
    }
    co_return Carried::done;
}

Task<smtp::Sent> Voyage::send(Connection& connection, smtp::Envelope envelope)
{
    smtp::Sent sent;
    if (!shipment_.content || !shipment_.eight_bit || connection.client.capabilities().eight_bit) {
        const std::unique_ptr<smtp::MessageSource> content =
            shipment_.content ? shipment_.content() : std::make_unique<smtp::TextSource>("");
        sent = co_await connection.client.send(std::move(envelope), *content);
        co_return sent;
    }
    SevenBitSource content(shipment_.content);
    sent = co_await connection.client.send(std::move(envelope), content);
    tell(connection.session, "converted", "7 bits",
         content.breaks_signature()
             ? fmt::format("{} does not take 8-bit bytes; a signature over the message does not fit any more",
                           connection.host)
             : fmt::format("{} does not take 8-bit bytes", connection.host));
    co_return sent;
}

// --- the journey ------------------------------------------------------------------------------

void Voyage::tell(Id session, std::string_view step, std::string_view result, std::string_view reason) const
{
    if (services_.recorder.wanted())
        services_.recorder.step({session, shipment_.message, "mta/relay", step, result, reason});
}

// A hop of this message too, though the connection was opened for another.
void Voyage::tell_reuse(Connection& connection) const
{
    if (!services_.recorder.wanted())
        return;
    const std::string local = connection.client.wire().local().text();
    services_.recorder.hop({.session = connection.session,
                            .message = shipment_.message,
                            .way = HopWay::out,
                            .room = "mta/relay",
                            .peer = connection.address,
                            .local = local,
                            .peer_name = connection.host});
    tell(connection.session, "reused", fmt::format("{} messages before", connection.messages),
         "the connection was kept open for the next message to the same host");
}

void Voyage::tell_fates(const Connection& connection, const std::vector<std::size_t>& who) const
{
    if (!services_.recorder.wanted())
        return;
    for (const std::size_t index : who) {
        if (!fates_[index])
            continue;
        const RecipientFate& fate = *fates_[index];
        const std::string recipient = shipment_.envelope.recipients[index].path.text();
        const std::string result = fate.reply.code != 0 ? fate.reply.codes() : fate.status;
        const bool is_relayed = fate.fate == Fate::relayed;
        services_.recorder.step({.session = connection.session,
                                 .message = shipment_.message,
                                 .room = "mta/relay",
                                 .step = is_relayed              ? "relayed"
                                     : fate.fate == Fate::failed ? "refused"
                                                                 : "deferred",
                                 .result = result,
                                 .reason = fate.reason,
                                 .recipient = recipient,
                                 .next_host = is_relayed ? std::string_view(fate.remote_mta) : std::string_view(),
                                 .next_id = is_relayed ? std::string_view(fate.remote_id) : std::string_view()});
    }
}

}  // namespace posthouse::mta::relay
