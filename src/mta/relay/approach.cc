#include "mta/relay/approach.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mta::relay {

using smtp::Reply;
using smtp::TlsUse;

namespace {

constexpr Duration least_for_greeting = 1s;

bool is_v6(const std::string& address) { return address.contains(':'); }

// What the certificate must be for: of an address literal (RFC 5321 section 4.1.3) the address.
std::string certificate_name(std::string_view host)
{
    if (!host.starts_with('[') || !host.ends_with(']'))
        return std::string(host);
    host = host.substr(1, host.size() - 2);
    if (starts_with_ignoring_case(host, "IPv6:"))
        host.remove_prefix(5);
    return std::string(host);
}

std::string date_of(const std::optional<WallTime>& time)
{
    return time ? rfc3339_date(*time).substr(0, 10) : "an unknown day";
}

}  // namespace

Task<std::unique_ptr<Connection>> Approach::open(Place place)
{
    place_ = std::move(place);
    peer_.name = host_.name;
    const std::vector<std::string> addresses = addresses_in_order();
    if (addresses.empty())
        fails("4.4.4",
              host_.note.empty() ? fmt::format("{} has no address", host_.name)
                                 : fmt::format("{}: {}", host_.name, host_.note));
    for (std::size_t i = 0; i < addresses.size() && !pool_.is_stopping(); ++i) {
        if (until_greeting_.passed(services_.clock))
            break;
        const std::string key = net::Endpoint{addresses[i], host_.port}.text();
        const bool tls_failed = route_.tls == TlsUse::opportunistic &&
            services_.misfortunes.has(Misfortunes::Kind::no_tls, key, services_.clock.steady());
        Outcome outcome =
            co_await try_address(addresses[i], addresses.size() - i, tls_failed ? WithTls::no : WithTls::yes);
        if (outcome == Outcome::again_without_tls) {
            services_.misfortunes.note(Misfortunes::Kind::no_tls, key,
                                       services_.clock.steady() + settings_.without_tls);
            outcome = co_await try_address(addresses[i], addresses.size() - i, WithTls::no);
        }
        if (outcome == Outcome::ready)
            co_return std::move(connection_);
    }
    connection_.reset();
    place_.release();
    if (failure_.status.empty())
        fails("4.4.1", fmt::format("{} was not reached in time", host_.name));
    co_return nullptr;
}

// Those that failed lately come last.
std::vector<std::string> Approach::addresses_in_order() const
{
    std::vector<std::string> addresses;
    std::vector<std::string> last;
    for (const std::string& address : host_.addresses) {
        const bool has_failed = services_.misfortunes.has(
            Misfortunes::Kind::no_answer, net::Endpoint{address, host_.port}.text(), services_.clock.steady());
        (has_failed ? last : addresses).push_back(address);
    }
    std::ranges::move(last, std::back_inserter(addresses));
    return addresses;
}

// `left`: how many addresses share what is left of the time until a greeting, this one included.
Task<Approach::Outcome> Approach::try_address(std::string address, std::size_t left, WithTls with_tls)
{
    if (connection_) {  // of the attempt before
        place_ = std::move(connection_->place);
        connection_.reset();
    }
    peer_.address = net::Endpoint{address, host_.port}.text();
    const LoopExecutor executor = co_await asio::this_coro::executor;
    Result<net::Wire> wire =
        net::start_connect(executor, address, host_.port, is_v6(address) ? settings_.source_v6 : settings_.source_v4);
    if (!wire) {
        no_answer(wire.error(), "connect");
        co_return Outcome::failed;
    }
    connection_ = std::make_unique<Connection>(pool_, std::move(place_), std::move(*wire), services_.clock,
                                               services_.recorder, services_.ids.next(), settings_.patience);
    connection_->message = message_;
    connection_->host = host_.name;
    connection_->address = peer_.address;
    tell_hop();  // before it answers: a host that does not is a hop that led nowhere
    const SteadyTime connect_until = std::min(until_greeting_.at, Deadline::in(services_.clock, settings_.connect).at);
    const Result<void> connected = co_await connection_->client.wire().connected({connect_until});
    if (!connected) {
        no_answer(connected.error(), "connect");
        co_return Outcome::failed;
    }
    tell("connected", {}, "from " + connection_->client.wire().local().text());
    if (route_.tls == TlsUse::implicit) {
        const Outcome secured = co_await start_tls();
        if (secured != Outcome::ready)
            co_return secured;
    }
    bool goes_on = co_await greet(left);
    if (goes_on)
        goes_on = co_await hello();
    if (!goes_on)
        co_return Outcome::failed;
    const bool wants_tls =
        route_.tls == TlsUse::required || (route_.tls == TlsUse::opportunistic && with_tls == WithTls::yes);
    if (wants_tls) {
        const Outcome secured = co_await start_tls();
        if (secured != Outcome::ready)
            co_return secured;
    }
    if (route_.login)
        goes_on = co_await log_in();
    co_return goes_on ? Outcome::ready : Outcome::failed;
}

Task<bool> Approach::greet(std::size_t left)
{
    const Duration all = std::chrono::duration_cast<Duration>(until_greeting_.at - services_.clock.steady());
    const Duration share = std::max<Duration>(all / static_cast<long>(left), least_for_greeting);
    const Result<Reply> greeting = co_await connection_->client.greeting(share);
    if (!greeting) {
        no_answer(greeting.error(), "greeting");
        co_return false;
    }
    services_.misfortunes.forget(Misfortunes::Kind::no_answer, peer_.address);
    // RFC 7504: a host that takes no mail at all says so by 521, for good.
    const bool goes_on = judge(greeting, "greeting");
    if (greeting->code == 521) {
        failure_.fate = smtp::Fate::failed;
        failure_.status = "5.3.2";
        failure_.host_failed = false;
        failure_.reason = fmt::format("{} takes no mail: {}", host_.name, printable(greeting->line(), 300));
    }
    co_return goes_on;
}

Task<bool> Approach::hello()
{
    const Result<Reply> reply = co_await connection_->client.hello(settings_.host_name);
    co_return judge(reply, "EHLO");
}

Task<Approach::Outcome> Approach::start_tls()
{
    smtp::Client& client = connection_->client;
    const net::TlsContext& context = route_.verify_certificate ? services_.good_certificate : services_.any_certificate;
    const bool may_do_without = route_.tls == TlsUse::opportunistic;
    std::string why;
    if (route_.tls == TlsUse::implicit) {
        const Result<void> done = co_await client.wire().connect_tls(
            context, certificate_name(host_.name), Deadline::in(services_.clock, settings_.patience.handshake));
        if (!done)
            why = done.error().text;
    } else if (!client.capabilities().starttls) {
        why = "it does not offer STARTTLS";
    } else {
        const Result<Reply> begun = co_await client.start_tls(context, certificate_name(host_.name));
        if (!begun)
            why = begun.error().text;
        else if (!begun->is_success())
            why = "it answers STARTTLS with " + begun->line();
    }
    if (why.empty()) {
        tell_tls();
        if (route_.tls == TlsUse::implicit)
            co_return Outcome::ready;
        const bool goes_on = co_await hello();  // RFC 3207 section 4.2
        co_return goes_on ? Outcome::ready : Outcome::failed;
    }
    tell("no TLS", may_do_without ? "sent in the clear" : "not sent", printable(why, 300));
    if (may_do_without)
        co_return client.is_usable() ? Outcome::ready : Outcome::again_without_tls;
    fails("4.7.5", fmt::format("{} must be reached by TLS, and that fails: {}", host_.name, printable(why, 300)));
    co_return Outcome::failed;
}

Task<bool> Approach::log_in()
{
    smtp::Client& client = connection_->client;
    smtp::LoginWith with{.user = route_.login->name, .password = route_.login->password};
    with.clear = client.wire().is_tls() ? smtp::ClearPasswords::yes : smtp::ClearPasswords::no;
    with.tls_exporter = client.wire().channel_binding(net::ChannelBinding::tls_exporter);
    auto sasl = smtp::choose_sasl_client(client.capabilities().mechanisms, std::move(with), services_.random);
    if (!sasl)
        co_return fails("4.7.8", fmt::format("cannot log in to {}: {}", host_.name, sasl.error().text));
    const Result<Reply> reply = co_await client.login(std::move(*sasl));
    if (reply && !reply->is_success())
        co_return fails("4.7.8", fmt::format("{} does not let us in: {}", host_.name, printable(reply->line(), 300)),
                        *reply);
    co_return judge(reply, "AUTH");
}

// --- what went wrong --------------------------------------------------------------------------

// Whatever the host says before MAIL is about us and it, not about this message: deferred.
bool Approach::judge(const Result<Reply>& reply, std::string_view place)
{
    if (!reply)
        return no_answer(reply.error(), place);
    if (reply->is_success())
        return true;
    const std::string status = reply->is_transient() && !reply->enhanced.empty() ? reply->enhanced
        : reply->code == 421                                                     ? "4.3.2"
                                                                                 : "4.4.0";
    return fails(status, fmt::format("{} takes no mail from us now: {}", host_.name, printable(reply->line(), 300)),
                 *reply);
}

bool Approach::no_answer(const Error& error, std::string_view place)
{
    services_.misfortunes.note(Misfortunes::Kind::no_answer, peer_.address,
                               services_.clock.steady() + settings_.trouble);
    const bool was_there = place != "connect" && place != "greeting";
    return fails(
        was_there ? "4.4.2" : "4.4.1",
        fmt::format("{} {}: {}", host_.name, was_there ? "broke off" : "does not answer", printable(error.text, 300)));
}

bool Approach::fails(std::string status, std::string reason, Reply reply)
{
    tell("no connection", status, reason);
    if (failure_.reply.code == 0 || reply.code != 0)  // a host that spoke says more than one that did not
        failure_ = host_fate(std::move(status), std::move(reason), peer_, std::move(reply));
    return false;
}

void Approach::tell(std::string_view step, std::string_view result, std::string_view reason) const
{
    if (services_.recorder.wanted())
        services_.recorder.step({connection_ ? connection_->session : 0, message_, "mta/relay", step, result, reason});
}

void Approach::tell_hop() const
{
    if (!services_.recorder.wanted())
        return;
    connection_->was_told = true;
    services_.recorder.hop({.session = connection_->session,
                            .message = message_,
                            .way = HopWay::out,
                            .room = "mta/relay",
                            .peer = peer_.address,
                            .peer_name = host_.name});
}

// Whom we talk to, whoever vouches for it: the reader of the journey decides what that is worth.
void Approach::tell_tls() const
{
    if (!services_.recorder.wanted())
        return;
    const net::TlsFacts& facts = connection_->client.wire().tls();
    const std::string name = certificate_name(host_.name);
    const std::string certificate =
        fmt::format("{} by {}, valid from {} to {}", printable(facts.peer_subject, 200),
                    printable(facts.peer_issuer, 200), date_of(facts.peer_valid_from), date_of(facts.peer_valid_until));
    const std::string reason = facts.peer_verified
        ? fmt::format("it verifies for {}", name)
        : fmt::format("it does not verify ({}) and is {} for {}; that is enough where TLS is opportunistic",
                      facts.peer_fault, facts.peer_name_fits ? "made" : "not made", name);
    services_.recorder.tls({.session = connection_->session,
                            .message = message_,
                            .room = "mta/relay",
                            .version = facts.version,
                            .cipher = facts.cipher,
                            .server_name = name,
                            .certificate = certificate,
                            .verified = facts.peer_verified,
                            .reason = reason});
}

}  // namespace posthouse::mta::relay
