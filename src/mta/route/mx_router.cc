#include "mta/route/mx_router.h"

#include "base/text.h"
#include "directory/address.h"
#include "net/dns_record.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace posthouse::mta::route {

namespace {

using net::LookupStatus;
using smtp::Route;
using smtp::RouteHost;
using smtp::RouteKind;

constexpr std::size_t most_hosts = 10;  // whose addresses are asked for: the best ones

Route decided(RouteKind kind, std::string status, std::string reason)
{
    Route route;
    route.kind = kind;
    route.status = std::move(status);
    route.reason = std::move(reason);
    return route;
}
Route failed(std::string status, std::string reason)
{
    return decided(RouteKind::failed, std::move(status), std::move(reason));
}
// RFC 3463 section 3.5: 4.4.3, directory server failure.
Route deferred(std::string reason) { return decided(RouteKind::deferred, "4.4.3", std::move(reason)); }

smtp::TlsUse use_of(directory::RouteTls tls)
{
    switch (tls) {
    case directory::RouteTls::required: return smtp::TlsUse::required;
    case directory::RouteTls::none: return smtp::TlsUse::none;
    case directory::RouteTls::implicit: return smtp::TlsUse::implicit;
    case directory::RouteTls::opportunistic: break;
    }
    return smtp::TlsUse::opportunistic;
}

std::string destination_text(const directory::StoredRoute& stored)
{
    return net::Endpoint{stored.host, stored.port}.text();
}

// RFC 5321 section 4.1.3: "[127.0.0.2]", "[IPv6:::1]". Empty: no literal; an empty address: a bad one.
std::optional<std::string> literal_address(std::string_view domain)
{
    if (!domain.starts_with('['))
        return {};
    if (!domain.ends_with(']'))
        return "";
    std::string_view inner = domain.substr(1, domain.size() - 2);
    const bool is_v6 = starts_with_ignoring_case(inner, "IPv6:");
    if (is_v6)
        inner.remove_prefix(5);
    const std::string address(inner);
    const auto bytes = net::write_address(address, is_v6 ? net::IpFamily::v6 : net::IpFamily::v4);
    return bytes ? address : std::string();
}

bool has_address(const RouteHost& host) { return !host.addresses.empty(); }

std::string hosts_text(const Route& route)
{
    std::string text;
    for (const RouteHost& host : route.hosts)
        text += fmt::format("{}{} ({}) {}", text.empty() ? "" : "; ", host.name, host.preference,
                            host.addresses.empty() ? host.note : fmt::format("{}", fmt::join(host.addresses, " ")));
    return text;
}

std::string_view word_for(RouteKind kind)
{
    switch (kind) {
    case RouteKind::ours: return "ours";
    case RouteKind::hosts: return "hosts";
    case RouteKind::deferred: return "deferred";
    case RouteKind::failed: return "failed";
    }
    return "?";
}

}  // namespace

// ---- the questions of others

Task<std::string> MxRouter::destination_of(std::string domain)
{
    if (literal_address(domain))
        co_return domain;
    const Result<std::optional<directory::StoredRoute>> stored = co_await services_.routes.route_of(domain);
    if (stored && *stored)
        co_return destination_text(**stored);
    co_return directory::normal_domain(domain).value_or(to_lower(domain));
}

Task<Route> MxRouter::route(std::string domain, Id message)
{
    Questions questions(services_.resolver, services_.clock, Deadline::in(services_.clock, settings_.patience));
    Route route = co_await decide(domain, questions);
    route.dns = questions.take_facts();
    if (route.domain.empty())
        route.domain = to_lower(domain);
    if (route.destination.empty())
        route.destination = route.domain;
    if (message != 0)
        tell(route, message);
    co_return route;
}

void MxRouter::tell(const Route& route, Id message) const
{
    if (!services_.recorder.wanted())
        return;
    for (const smtp::DnsFact& fact : route.dns) {
        const std::string answer = fmt::format("{}", fmt::join(fact.answers, ", "));
        services_.recorder.dns({.message = message,
                                .room = "mta/route",
                                .question = fact.question,
                                .answer = answer,
                                .status = answer.empty() ? word_for(fact.status) : "NOERROR",
                                .secure = fact.is_secure,
                                .took = fact.took,
                                .reason = fact.text});
    }
    const std::string result = route.kind == RouteKind::hosts
        ? hosts_text(route)
        : fmt::format("{}{}{}", word_for(route.kind), route.status.empty() ? "" : " ", route.status);
    services_.recorder.step(
        {.message = message, .room = "mta/route", .step = "routed", .result = result, .reason = route.reason});
}

// ---- the rules

Task<Route> MxRouter::decide(std::string domain, Questions& questions)
{
    if (literal_address(domain))
        co_return by_literal(domain);
    const Result<std::string> normal = directory::normal_domain(domain);
    if (!normal)
        co_return failed("5.1.2", fmt::format("\"{}\" is no domain name", printable(domain)));
    const Result<bool> ours = co_await services_.directory.is_ours(*normal);
    if (!ours)
        co_return decided(RouteKind::deferred, "4.3.0", "our directory cannot be read now");
    if (*ours) {
        Route route = decided(RouteKind::ours, "", fmt::format("{} is one of our domains", *normal));
        route.domain = *normal;
        co_return route;
    }
    Result<std::optional<directory::StoredRoute>> stored = co_await services_.routes.route_of(*normal);
    if (!stored)
        co_return decided(RouteKind::deferred, "4.3.0", "our stored routes cannot be read now");
    Route route;
    if (*stored)
        route = co_await by_stored(std::move(**stored), *normal, questions);
    else if (!settings_.internet)
        route = failed("5.1.2",
                       fmt::format("this server sends no mail to other domains (internet = false), and {} is not "
                                   "one of ours",
                                   *normal));
    else
        route = co_await by_mx(*normal, questions);
    route.domain = *normal;
    co_return route;
}

Route MxRouter::by_literal(const std::string& domain) const
{
    const std::string address = *literal_address(domain);
    if (address.empty())
        return failed("5.1.2", fmt::format("{} is no address literal", printable(domain)));
    if (!settings_.internet)
        return failed("5.1.2", "this server sends no mail to other hosts (internet = false)");
    RouteHost host;
    host.name = to_lower(domain);
    host.port = settings_.relay_port;
    host.addresses = {address};
    if (leads_to_us(host))
        return failed("5.4.6", fmt::format("{} is this server, and mail for it would come back to us", host.name));
    Route route = decided(RouteKind::hosts, "", fmt::format("{} is an address, no name is asked for", host.name));
    route.hosts = {std::move(host)};
    return route;
}

Task<Route> MxRouter::by_stored(directory::StoredRoute stored, std::string domain, Questions& questions)
{
    const bool for_all = stored.domain == directory::all_domains;
    const std::string rule =
        fmt::format("the stored route for {} leads to {}", for_all ? "all domains" : domain, destination_text(stored));
    HostAddresses addresses;
    if (net::reverse_dns_name(stored.host)) {  // an address already
        addresses.status = LookupStatus::found;
        (stored.host.contains(':') ? addresses.v6 : addresses.v4).push_back(stored.host);
    } else {
        const std::vector<std::string> one{stored.host};
        std::vector<HostAddresses> found = co_await questions.addresses(one);
        addresses = std::move(found.front());
    }
    RouteHost host = host_of(stored.host, 0, stored.port, std::move(addresses));
    Route route;
    // A mistake in a route is ours to mend: the mail waits for it.
    if (!has_address(host))
        route = deferred(fmt::format("{}, which has {}", rule, host.note));
    else if (leads_to_us(host))
        route = decided(RouteKind::deferred, "4.4.6", rule + ", which is this server: the mail would come back to us");
    else
        route = decided(RouteKind::hosts, "", rule);
    route.hosts = {std::move(host)};
    route.destination = destination_text(stored);
    route.is_smarthost = true;
    route.tls = use_of(stored.tls);
    route.verify_certificate = stored.verify_certificate;
    if (!stored.login.empty())
        route.login = smtp::RouteLogin{std::move(stored.login), std::move(stored.password)};
    co_return route;
}

Task<Route> MxRouter::by_mx(std::string domain, Questions& questions)
{
    net::Lookup<net::MxRecord> mx = co_await questions.mx(domain);
    Route route;
    switch (mx.status) {
    case LookupStatus::found: {
        const bool is_secure = mx.is_secure;
        route = co_await by_hosts(domain, std::move(mx), questions);
        route.mx_is_secure = is_secure;
        break;
    }
    case LookupStatus::no_data: {
        const bool is_secure = mx.is_secure;
        route = co_await by_own_address(domain, std::move(mx), questions);
        route.mx_is_secure = is_secure;
        break;
    }
    case LookupStatus::no_such_name:
        route = failed("5.1.2", fmt::format("there is no domain {}. The address may be misspelled", domain));
        break;
    case LookupStatus::malformed: route = failed("5.1.2", fmt::format("{} is no domain name", domain)); break;
    case LookupStatus::bogus:
        route = deferred(fmt::format("the DNS answer about {} is forged or broken ({})", domain, mx.text));
        break;
    case LookupStatus::temporary:
        route = deferred(fmt::format("the DNS does not say now where mail for {} goes: {}", domain, mx.text));
        break;
    }
    co_return route;
}

// RFC 5321 section 5.1: in order of preference, equal ones in random order, none as bad as ourselves.
Task<Route> MxRouter::by_hosts(std::string domain, net::Lookup<net::MxRecord> mx, Questions& questions)
{
    // RFC 7505 section 3; beside other records it means nothing.
    std::erase_if(mx.records, [](const net::MxRecord& record) { return record.exchange.empty(); });
    if (mx.records.empty())
        co_return failed("5.1.10", fmt::format("{} takes no mail: so its MX record says (null MX, RFC 7505)", domain));
    shuffle(mx.records);
    std::vector<std::pair<net::MxRecord, std::size_t>> lots;
    unsigned ours = 65'536;  // the best preference that leads to us
    for (net::MxRecord& record : mx.records) {
        if (settings_.ourselves.is_name(record.exchange))
            ours = std::min<unsigned>(ours, record.preference);
        lots.emplace_back(std::move(record), lots.size());
    }
    std::ranges::sort(lots, {}, [](const auto& lot) { return std::tuple(lot.first.preference, lot.second); });
    std::vector<std::string> names;
    for (const auto& [record, lot] : lots)
        if (record.preference < ours && names.size() < most_hosts)
            names.push_back(record.exchange);
    std::vector<HostAddresses> addresses = co_await questions.addresses(names);
    Route route;
    bool may_come = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
        may_come =
            may_come || addresses[i].status == LookupStatus::temporary || addresses[i].status == LookupStatus::bogus;
        route.hosts.push_back(
            host_of(names[i], lots[i].first.preference, settings_.relay_port, std::move(addresses[i])));
        if (leads_to_us(route.hosts.back()))
            ours = std::min<unsigned>(ours, route.hosts.back().preference);
    }
    std::erase_if(route.hosts, [&](const RouteHost& host) { return host.preference >= ours; });
    if (route.hosts.empty())
        co_return failed("5.4.6",
                         fmt::format("the MX records of {} lead to this server, which does not take mail "
                                     "for it: the mail would come back to us (RFC 5321 section 5.1)",
                                     domain));
    const std::string dropped = ours > 65'535
        ? ""
        : fmt::format("; this server is one of them, at preference {}, so only better ones are tried", ours);
    const auto usable = std::ranges::find_if(route.hosts, has_address);
    if (usable == route.hosts.end()) {
        Route none = may_come
            ? deferred(fmt::format("the DNS does not give the addresses of {}'s MX hosts now: {}", domain,
                                   hosts_text(route)))
            : failed("5.4.4", fmt::format("none of {}'s MX hosts has an address: {}", domain, hosts_text(route)));
        none.hosts = std::move(route.hosts);
        co_return none;
    }
    route.kind = RouteKind::hosts;
    route.reason = fmt::format("{} has {} MX host{}, the first to try is {} (preference {}){}", domain, lots.size(),
                               lots.size() == 1 ? "" : "s", usable->name, usable->preference, dropped);
    co_return route;
}

// RFC 5321 section 5.1: without MX records the domain itself is the host, as if at preference 0.
Task<Route> MxRouter::by_own_address(std::string domain, net::Lookup<net::MxRecord> mx, Questions& questions)
{
    const std::string name = mx.canonical_name.empty() ? domain : mx.canonical_name;
    const std::vector<std::string> one{name};
    std::vector<HostAddresses> addresses = co_await questions.addresses(one);
    const LookupStatus status = addresses.front().status;
    RouteHost host = host_of(name, 0, settings_.relay_port, std::move(addresses.front()));
    if (status == LookupStatus::temporary || status == LookupStatus::bogus)
        co_return deferred(
            fmt::format("{} has no MX record, and the DNS does not give its address now: {}", domain, host.note));
    if (!has_address(host))
        co_return failed("5.1.2", fmt::format("{} takes no mail: it has neither an MX record nor an address", domain));
    if (leads_to_us(host))
        co_return failed("5.4.6",
                         fmt::format("{} has no MX record, and its address is this server's, which does not "
                                     "take mail for it: the mail would come back to us",
                                     domain));
    Route route = decided(RouteKind::hosts, "",
                          fmt::format("{} has no MX record: its own address is used (RFC 5321 section 5.1)", domain));
    route.hosts = {std::move(host)};
    co_return route;
}

// ---- parts

// Both families, by turns, IPv6 first: a family that is not to be had here fails at once.
RouteHost MxRouter::host_of(std::string name, std::uint16_t preference, std::uint16_t port, HostAddresses addresses)
{
    RouteHost host;
    host.name = std::move(name);
    host.preference = preference;
    host.port = port;
    host.is_secure = addresses.is_secure;
    shuffle(addresses.v6);
    shuffle(addresses.v4);
    for (std::size_t i = 0; i < std::max(addresses.v6.size(), addresses.v4.size()); ++i) {
        if (i < addresses.v6.size())
            host.addresses.push_back(std::move(addresses.v6[i]));
        if (i < addresses.v4.size())
            host.addresses.push_back(std::move(addresses.v4[i]));
    }
    if (host.addresses.empty())
        host.note = fmt::format("no address ({})", addresses.why_none);
    return host;
}

bool MxRouter::leads_to_us(const RouteHost& host) const
{
    return std::ranges::any_of(
        host.addresses, [&](const std::string& address) { return settings_.ourselves.is_at(address, host.port); });
}

template <class T> void MxRouter::shuffle(std::vector<T>& items)
{
    for (std::size_t left = items.size(); left > 1; --left)
        std::swap(items[left - 1], items[services_.random.number() % left]);
}

}  // namespace posthouse::mta::route
