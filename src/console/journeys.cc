// The API's part about journeys: to the operator whole, to a user as far as it is the user's.
#include "base/text.h"
#include "console/api.h"
#include "console/journey_json.h"
#include "console/json.h"
#include "journey/peer_proof.h"

#include <set>

#include <fmt/format.h>

namespace posthouse::console {

namespace json = boost::json;

namespace {

constexpr auto live_patience = 1s;  // short: a server that stops waits for it
constexpr std::size_t most_listed = 500;
constexpr std::size_t most_followed = 20;  // houses and ids asked for one message

Result<Id> id_of(std::string_view text, std::string_view what)
{
    const std::optional<Id> id = parse_id(text);
    if (!id)
        return fail(ErrorCode::malformed,
                    fmt::format("\"{}\" is no id of a {}: 13 letters and digits, as behind \"queued as\"",
                                printable(text, 100), what));
    return *id;
}

Result<std::optional<WallTime>> time_of(const net::HttpRequest& request, const std::string& name)
{
    const auto given = request.query.find(name);
    if (given == request.query.end() || given->second.empty())
        return std::nullopt;
    const std::optional<std::int64_t> microseconds = parse_number<std::int64_t>(given->second);
    if (!microseconds)
        return fail(ErrorCode::malformed, name + " must be microseconds since 1970");
    return WallTime(Duration(*microseconds));
}

Result<journey::Query> query_of(const net::HttpRequest& request)
{
    const auto text = [&](const std::string& name) {
        const auto given = request.query.find(name);
        return given == request.query.end() ? std::string() : given->second;
    };
    journey::Query query;
    query.from = text("from");
    query.to = text("to");
    query.message_id = text("messageId");
    if (query.message_id.starts_with('<') && query.message_id.ends_with('>'))
        query.message_id = query.message_id.substr(1, query.message_id.size() - 2);
    const Result<std::optional<WallTime>> since = time_of(request, "since");
    const Result<std::optional<WallTime>> until = time_of(request, "until");
    if (!since || !until)
        return fail(since ? until.error() : since.error());
    query.since = *since;
    query.until = *until;
    if (const std::string limit = text("limit"); !limit.empty()) {
        const std::optional<std::size_t> most = parse_number<std::size_t>(limit);
        if (!most || *most == 0 || *most > most_listed)
            return fail(ErrorCode::malformed, fmt::format("limit must be a number from 1 to {}", most_listed));
        query.most = *most;
    }
    return query;
}

}  // namespace

Task<Result<json::value>> Api::journeys(net::HttpRequest request, Id account)
{
    Result<journey::Query> query = query_of(request);
    if (!query)
        co_return fail(query.error());
    query->account = account;
    Result<std::vector<journey::Told>> found = co_await services_.journeys.search(std::move(*query));
    if (!found)
        co_return fail(found.error());
    json::array list;
    for (journey::Told& told : *found)
        if (auto events = journey::visible_to({account}, std::move(told.events)))
            list.push_back(summary_of(journey::tell_story(told.message, std::move(*events))));
    co_return json::object{{"journeys", std::move(list)}, {"lostEvents", services_.journeys.dropped()}};
}

Task<Result<json::value>> Api::journey(std::string id, Id account, unsigned depth)
{
    const Result<Id> message = id_of(id, "message");
    if (!message)
        co_return fail(message.error());
    Result<journey::Told> told = co_await services_.journeys.of_message(*message);
    if (!told)
        co_return fail(told.error());
    auto events = journey::visible_to({account}, std::move(told->events));
    if (!events)  // the same answer as for one that never was
        co_return fail(ErrorCode::not_found, "nothing is known of message " + id_text(*message));
    json::object document = to_json(journey::tell_story(*message, std::move(*events)));
    if (depth > 0 && services_.peers != nullptr)
        co_await follow(document, depth);
    co_return document;
}

// Asks each house that it was handed to and that shares a key with ours, once for each id there.
Task<void> Api::follow(json::object& journey, unsigned depth)
{
    std::set<std::pair<std::string, Id>> next;
    for (const json::value& value : journey.at("recipients").as_array()) {
        const json::object& end = value.as_object();
        const json::value* host = end.if_contains("nextHost");
        const json::value* id = end.if_contains("nextId");
        if (host == nullptr || id == nullptr || next.size() == most_followed)
            continue;
        const std::string peer = services_.peers->peer_at(host->as_string());
        const std::optional<Id> there = parse_id(id->as_string());
        if (!peer.empty() && there)
            next.emplace(peer, *there);
    }
    json::array answers;
    for (const auto& [peer, id] : next) {
        Result<json::object> answer = co_await services_.peers->ask(peer, id, depth - 1);
        json::object one{{"host", peer}, {"id", id_text(id)}};
        if (answer)
            one["journey"] = std::move(*answer);
        else
            one["problem"] = printable(answer.error().text);
        answers.push_back(std::move(one));
    }
    if (!answers.empty())
        journey["next"] = std::move(answers);
}

// One message, to who proves to be a peer. Whatever is wrong with the question, the answer is the same.
Task<Result<json::value>> Api::answer_peer(net::HttpRequest request)
{
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    const std::string from = text_of(*body, "from", "");
    const std::string proof = text_of(*body, "proof", "");
    const std::optional<Id> message = parse_id(text_of(*body, "id", ""));
    const std::uint64_t depth = number_of(*body, "depth").value_or(0);
    const std::uint64_t time = number_of(*body, "time").value_or(0);
    const std::string key = services_.peers == nullptr ? std::string() : services_.peers->key_of(from);
    const bool may = message && depth < journey::deepest_following && !key.empty() &&
        journey::is_proven({from, services_.peers->own_name(), *message, static_cast<unsigned>(depth),
                            static_cast<std::int64_t>(time)},
                           proof, key, services_.clock.now());
    if (!may) {
        services_.log.write(LogLevel::warning, "console", 0, "a house asked for a journey without proof",
                            {{"from", from}});
        co_return fail(ErrorCode::not_permitted, "the proof does not hold");
    }
    co_return co_await journey(id_text(*message), 0, static_cast<unsigned>(depth));
}

Task<Result<json::value>> Api::journeys_of_account(net::HttpRequest request)
{
    const Result<directory::Account> account = co_await services_.directory.account_by_address(request.path[2]);
    if (!account)
        co_return fail(account.error());
    if (request.path.size() == 5)
        co_return co_await journey(request.path[4], account->id, 0);
    co_return co_await journeys(std::move(request), account->id);
}

Task<Result<json::value>> Api::session(std::string id)
{
    const Result<Id> session = id_of(id, "session");
    if (!session)
        co_return fail(session.error());
    Result<std::vector<journey::Event>> events = co_await services_.journeys.of_session(*session);
    if (!events)
        co_return fail(events.error());
    co_return to_json(journey::tell_story(0, std::move(*events)));
}

Task<Result<json::value>> Api::live_journeys(net::HttpRequest request)
{
    const auto given = request.query.find("after");
    const std::optional<Id> after =
        given == request.query.end() || given->second.empty() ? std::optional<Id>(0) : parse_id(given->second);
    if (!after)
        co_return fail(ErrorCode::malformed, "after must be what the last answer gave as cursor");
    const Result<journey::Tail> tail = co_await services_.journeys.follow(*after, live_patience);
    if (!tail)
        co_return fail(tail.error());
    json::array events;
    for (const journey::Event& event : tail->events) {
        json::object one = to_json(event, event.at);
        if (event.message != 0)
            one["id"] = id_text(event.message);
        if (event.session != 0)
            one["sessionId"] = id_text(event.session);
        events.push_back(std::move(one));
    }
    co_return json::object{{"cursor", id_text(tail->last)}, {"events", std::move(events)}};
}

}  // namespace posthouse::console
