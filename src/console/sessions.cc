// The API's part about sessions that are recorded on demand (journey/session_recorder.h).
#include "base/text.h"
#include "console/api.h"

#include <ranges>

#include <fmt/format.h>

namespace posthouse::console {

namespace json = boost::json;

namespace {

using journey::Heard;

constexpr auto live_patience = 1s;  // short: a server that stops waits for it
constexpr auto look_again = 50ms;
constexpr std::size_t longest_text = 8'192;
constexpr std::size_t most_domains = 1'000;  // looked through for a name without its domain

std::string_view to_string(Heard::Kind kind)
{
    switch (kind) {
    case Heard::Kind::opened: return "opened";
    case Heard::Kind::line: return "line";
    case Heard::Kind::cut: return "cut";
    case Heard::Kind::closed: return "closed";
    case Heard::Kind::lost: return "lost";
    }
    return "unknown";
}

json::object to_json(const Heard& heard)
{
    json::object out{{"kind", to_string(heard.kind)}, {"at", rfc3339_date(heard.at)}};
    if (heard.kind == Heard::Kind::lost) {
        out["lines"] = heard.text;
        return out;
    }
    out["sessionId"] = id_text(heard.session);
    out["session"] = heard.number;
    out["protocol"] = journey::to_string(heard.protocol);
    if (heard.kind == Heard::Kind::line) {
        out["speaker"] = heard.speaker == Speaker::client ? "client" : "server";
        out["text"] = printable(heard.text, longest_text);
    } else if (heard.kind == Heard::Kind::opened) {
        out["peer"] = printable(heard.text);
        out["user"] = printable(heard.user);
    }
    return out;
}

std::string query_of(const net::HttpRequest& request, const std::string& name)
{
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
}

}  // namespace

// "alice@north.test", or "alice" where only one domain has her.
Task<Result<std::string>> Api::address_of(std::string name)
{
    if (name.find('@') != std::string::npos) {
        const Result<directory::Account> account = co_await services_.directory.account_by_address(name);
        if (!account)
            co_return fail(account.error());
        co_return account->address;
    }
    const Result<std::vector<directory::Domain>> domains = co_await services_.directory.domains();
    if (!domains)
        co_return fail(domains.error());
    std::string found;
    for (const directory::Domain& domain : *domains | std::views::take(most_domains)) {
        const Result<directory::Account> account =
            co_await services_.directory.account_by_address(name + "@" + domain.name);
        if (account && !found.empty())
            co_return fail(ErrorCode::malformed,
                           fmt::format("there is more than one {}: say {} or {}", name, found, account->address));
        if (account)
            found = account->address;
    }
    if (found.empty())
        co_return fail(ErrorCode::not_found, fmt::format("there is no account {}", printable(name, 100)));
    co_return found;
}

// The first question names whose sessions; what it answers as cursor is what the next ones ask with.
Task<Result<json::value>> Api::live_sessions(net::HttpRequest request)
{
    const std::string after = query_of(request, "after");
    if (after.empty()) {
        const std::optional<journey::Protocol> protocol = journey::parse_protocol(query_of(request, "protocol"));
        if (!protocol)
            co_return fail(ErrorCode::malformed, "protocol must be imap, pop3 or smtp");
        journey::SessionWish wish{.protocol = *protocol, .peer = query_of(request, "peer")};
        if (const std::string user = query_of(request, "user"); !user.empty()) {
            Result<std::string> address = co_await address_of(user);
            if (!address)
                co_return fail(address.error());
            wish.user = *std::move(address);
        }
        services_.log.write(
            LogLevel::info, "console", 0, "sessions are recorded for the operator",
            {{"protocol", std::string(journey::to_string(wish.protocol))}, {"user", wish.user}, {"peer", wish.peer}});
        const std::string user = wish.user;
        const Result<Id> watch = services_.sessions.watch(std::move(wish));
        if (!watch)
            co_return fail(watch.error());
        co_return json::object{{"cursor", id_text(*watch)}, {"user", user}, {"events", json::array{}}};
    }
    const std::optional<Id> watch = parse_id(after);
    if (!watch)
        co_return fail(ErrorCode::malformed, "after must be what the last answer gave as cursor");
    if (request.method == "DELETE") {
        services_.sessions.end(*watch);
        co_return json::object{};
    }
    const Deadline end = Deadline::in(services_.clock, live_patience);
    Result<std::vector<Heard>> heard = services_.sessions.take(*watch);
    while (heard && heard->empty() && services_.clock.steady() < end.at) {
        co_await sleep_for(look_again);
        heard = services_.sessions.take(*watch);
    }
    if (!heard)
        co_return fail(heard.error());
    json::array events;
    for (const Heard& one : *heard)
        events.push_back(to_json(one));
    co_return json::object{{"cursor", after}, {"events", std::move(events)}};
}

}  // namespace posthouse::console
