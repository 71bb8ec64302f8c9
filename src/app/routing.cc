#include "app/routing.h"

#include "console/json.h"
#include "directory/address.h"
#include "mta/route/questions.h"

#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

template <class T> json::array texts(const std::vector<T>& items) { return json::array(items.begin(), items.end()); }

std::int64_t seconds(Duration duration) { return std::chrono::duration_cast<std::chrono::seconds>(duration).count(); }

json::object to_json(const directory::StoredRoute& route)
{
    json::object out{{"domain", route.domain},
                     {"host", route.host},
                     {"port", route.port},
                     {"tls", directory::to_string(route.tls)},
                     {"verifyCertificate", route.verify_certificate}};
    if (!route.login.empty())
        out["login"] = route.login;
    return out;
}

json::object to_json(const smtp::Reply& reply)
{
    return {{"code", reply.code}, {"status", reply.enhanced}, {"text", reply.text}};
}

std::string_view name_of(smtp::RouteKind kind)
{
    switch (kind) {
    case smtp::RouteKind::ours: return "ours";
    case smtp::RouteKind::hosts: return "hosts";
    case smtp::RouteKind::deferred: return "deferred";
    case smtp::RouteKind::failed: return "failed";
    }
    return "?";
}

std::string_view name_of(smtp::TlsUse tls)
{
    switch (tls) {
    case smtp::TlsUse::none: return "none";
    case smtp::TlsUse::opportunistic: return "opportunistic";
    case smtp::TlsUse::required: return "required";
    case smtp::TlsUse::implicit: return "implicit";
    }
    return "?";
}

json::object to_json(const smtp::RouteHost& host)
{
    json::object out{{"name", host.name},
                     {"preference", host.preference},
                     {"port", host.port},
                     {"addresses", texts(host.addresses)},
                     {"dnssec", host.is_secure}};
    if (!host.note.empty())
        out["note"] = host.note;
    return out;
}

json::object to_json(const smtp::DnsFact& fact)
{
    json::object out{{"question", fact.question},
                     {"status", mta::route::word_for(fact.status)},
                     {"answers", texts(fact.answers)},
                     {"dnssec", fact.is_secure},
                     {"ttl", fact.ttl},
                     {"milliseconds", std::chrono::duration_cast<std::chrono::milliseconds>(fact.took).count()}};
    if (!fact.text.empty())
        out["text"] = fact.text;
    return out;
}

json::object to_json(const mta::route::RetryPlan& plan)
{
    json::array delays;
    for (const Duration delay : plan.delays)
        delays.push_back(seconds(delay));
    return {{"delays", std::move(delays)},
            {"warnAfter", seconds(plan.warn_after)},
            {"giveUpAfter", seconds(plan.give_up_after)}};
}

json::object to_json(const mta::route::ExplainedRoute& explained)
{
    const smtp::Route& route = explained.route;
    json::array hosts;
    for (const smtp::RouteHost& host : route.hosts)
        hosts.push_back(to_json(host));
    json::array dns;
    for (const smtp::DnsFact& fact : route.dns)
        dns.push_back(to_json(fact));
    json::object out{
        {"address", explained.address},    {"domain", route.domain},    {"kind", name_of(route.kind)},
        {"status", route.status},          {"reason", route.reason},    {"destination", route.destination},
        {"smarthost", route.is_smarthost}, {"tls", name_of(route.tls)}, {"verifyCertificate", route.verify_certificate},
        {"hosts", std::move(hosts)},       {"dns", std::move(dns)}};
    if (route.login)
        out["login"] = route.login->name;
    if (explained.retry)
        out["retry"] = to_json(*explained.retry);
    return out;
}

json::object to_json(const mta::route::ExplainedRecipient& recipient)
{
    json::array local;
    for (const directory::Target& target : recipient.local)
        local.push_back(json::object{{"account", target.address}, {"subaddress", target.subaddress}});
    json::array remote;
    for (const mta::route::ExplainedRoute& route : recipient.remote)
        remote.push_back(to_json(route));
    return {{"address", recipient.address},
            {"reply", to_json(recipient.reply)},
            {"local", std::move(local)},
            {"remote", std::move(remote)}};
}

json::object to_json(const mta::route::Explanation& explanation)
{
    json::array recipients;
    for (const mta::route::ExplainedRecipient& recipient : explanation.recipients)
        recipients.push_back(to_json(recipient));
    return {{"from", explanation.from},
            {"door", explanation.door},
            {"login", explanation.login},
            {"why", explanation.why_door},
            {"reply", to_json(explanation.reply)},
            {"recipients", std::move(recipients)}};
}

Result<directory::StoredRoute> route_of(std::string domain, const json::object& body)
{
    directory::StoredRoute route;
    route.domain = std::move(domain);
    const Result<std::string> host = console::text_of(body, "host");
    if (!host)
        return fail(host.error());
    route.host = *host;
    route.login = console::text_of(body, "login", "");
    route.password = console::text_of(body, "password", "");
    // A login travels in TLS, to the host it is meant for, unless somebody says otherwise.
    const std::string tls = console::text_of(body, "tls", route.login.empty() ? "opportunistic" : "required");
    const std::optional<directory::RouteTls> known = directory::route_tls(tls);
    if (!known)
        return fail(ErrorCode::malformed, "\"tls\" must be opportunistic, required, none or implicit");
    route.tls = *known;
    const std::uint64_t usual_port = route.tls == directory::RouteTls::implicit ? 465 : route.login.empty() ? 25 : 587;
    const Result<std::uint64_t> port =
        body.contains("port") ? console::number_of(body, "port") : Result<std::uint64_t>(usual_port);
    if (!port)
        return fail(port.error());
    if (*port > 65'535)
        return fail(ErrorCode::malformed, "the port must be from 1 to 65535");
    route.port = static_cast<std::uint16_t>(*port);
    route.verify_certificate = route.tls == directory::RouteTls::required || route.tls == directory::RouteTls::implicit;
    if (body.contains("verifyCertificate")) {
        const Result<bool> verify = console::flag_of(body, "verifyCertificate");
        if (!verify)
            return fail(verify.error());
        route.verify_certificate = *verify;
    }
    return route;
}

}  // namespace

void HouseRouting::explain_with(smtp::Door& receive, smtp::Door& submission)
{
    submission_ = &submission;
    receive_ = &receive;
}

Task<Result<json::object>> HouseRouting::routes()
{
    const Result<std::vector<directory::StoredRoute>> all = co_await routes_.routes();
    if (!all)
        co_return fail(all.error());
    json::array rows;
    for (const directory::StoredRoute& route : *all)
        rows.push_back(to_json(route));
    co_return json::object{{"routes", std::move(rows)}};
}

Task<Result<json::object>> HouseRouting::show_route(std::string domain)
{
    const Result<std::optional<directory::StoredRoute>> route = co_await routes_.route_of(domain);  // "*" is no domain
    if (!route)
        co_return fail(route.error());
    if (!*route)
        co_return fail(ErrorCode::not_found, fmt::format("{} goes by its MX records: no stored route", domain));
    co_return to_json(**route);
}

Task<Result<json::object>> HouseRouting::set_route(std::string domain, json::object body)
{
    Result<directory::StoredRoute> route = route_of(std::move(domain), body);
    if (!route)
        co_return fail(route.error());
    const Result<bool> ours = co_await directory_.is_ours(route->domain);
    if (ours && *ours)
        co_return fail(ErrorCode::malformed,
                       fmt::format("{} is one of our domains: its mail is filed here", route->domain));
    const Result<void> set = co_await routes_.set_route(*route);
    if (!set)
        co_return fail(set.error());
    co_return to_json(*route);
}

Task<Result<json::object>> HouseRouting::remove_route(std::string domain)
{
    const Result<void> removed = co_await routes_.remove_route(std::move(domain));
    if (!removed)
        co_return fail(removed.error());
    co_return json::object{};
}

Task<Result<json::object>> HouseRouting::explain(std::string from, std::vector<std::string> to)
{
    smtp::Door* const receive = receive_;
    if (receive == nullptr)
        co_return fail(ErrorCode::unavailable,
                       "no server runs on this data folder: only a running one knows what it would do");
    const mta::route::ExplainServices services{directory_, router_, *receive, *submission_, plans_};
    const Result<mta::route::Explanation> explanation =
        co_await mta::route::explain(services, std::move(from), std::move(to));
    if (!explanation)
        co_return fail(explanation.error());
    co_return to_json(*explanation);
}

}  // namespace posthouse::app
