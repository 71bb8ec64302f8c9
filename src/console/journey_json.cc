#include "console/journey_json.h"

#include "base/text.h"

namespace posthouse::console {

namespace json = boost::json;

using journey::Event;
using journey::Kind;
using journey::Number;
using journey::Text;

namespace {

constexpr std::size_t longest_text = 8'192;  // escaped

std::string_view to_string(Kind kind)
{
    switch (kind) {
    case Kind::line: return "line";
    case Kind::step: return "step";
    case Kind::hop: return "hop";
    case Kind::tls: return "tls";
    case Kind::dns: return "dns";
    case Kind::wait: return "wait";
    case Kind::cut: return "cut";
    case Kind::lost: return "lost";
    }
    return "unknown";
}

std::string_view name_of(Text field)
{
    switch (field) {
    case Text::text: return "text";
    case Text::room: return "room";
    case Text::step: return "step";
    case Text::result: return "result";
    case Text::reason: return "reason";
    case Text::sender: return "from";
    case Text::recipient: return "recipient";
    case Text::message_id: return "messageId";
    case Text::next_host: return "nextHost";
    case Text::next_id: return "nextId";
    case Text::peer: return "peer";
    case Text::local: return "local";
    case Text::peer_name: return "peerName";
    case Text::version: return "version";
    case Text::cipher: return "cipher";
    case Text::server_name: return "serverName";
    case Text::certificate: return "certificate";
    case Text::question: return "question";
    case Text::answer: return "answer";
    case Text::status: return "status";
    }
    return {};
}

WallTime time_of(std::uint64_t microseconds) { return WallTime(Duration(static_cast<std::int64_t>(microseconds))); }

void put(json::object& out, Number field, std::uint64_t value)
{
    switch (field) {
    case Number::speaker: break;  // every line has one, also the client's, whose number is 0
    case Number::way: break;
    case Number::account: out["accountId"] = id_text(value); break;
    case Number::size: out["size"] = value; break;
    case Number::verified: out["verified"] = value != 0; break;
    case Number::secure: out["dnssec"] = value != 0; break;
    case Number::took: out["took"] = value; break;
    case Number::until: out["nextAttemptAt"] = rfc3339_date(time_of(value)); break;
    case Number::attempts: out["attempts"] = value; break;
    case Number::count: out["count"] = value; break;
    }
}

json::array to_array(const std::vector<Event>& events, WallTime began)
{
    json::array out;
    for (const Event& event : events)
        out.push_back(to_json(event, began));
    return out;
}

json::object end_json(const journey::End& end, WallTime began)
{
    json::object out{{"email", printable(end.recipient)},
                     {"state", journey::to_string(end.state)},
                     {"at", rfc3339_date(end.last.at)},
                     {"after", (end.last.at - began).count()}};
    if (end.account != 0)
        out["accountId"] = id_text(end.account);
    if (end.attempts != 0)
        out["attempts"] = end.attempts;
    for (const Text field : {Text::result, Text::reason, Text::next_host, Text::next_id})
        if (const std::string_view value = end.last[field]; !value.empty())
            out[name_of(field)] = printable(value, longest_text);
    if (const std::uint64_t until = end.last[Number::until]; until != 0)
        out["nextAttemptAt"] = rfc3339_date(time_of(until));
    return out;
}

json::object hop_json(const journey::Hop& hop, WallTime began)
{
    json::object out = to_json(hop.opened, began);
    out.erase("kind");
    out["sessionId"] = id_text(hop.session);
    out["direction"] = hop.opened[Number::way] == 0 ? "in" : "out";
    if (hop.closed)
        out["closedAt"] = rfc3339_date(*hop.closed);
    if (hop.tls)
        out["tls"] = to_json(*hop.tls, began);
    out["steps"] = to_array(hop.steps, began);
    out["dialogue"] = to_array(hop.dialogue, began);
    return out;
}

}  // namespace

json::object to_json(const Event& event, WallTime began)
{
    json::object out{
        {"kind", to_string(event.kind)}, {"at", rfc3339_date(event.at)}, {"after", (event.at - began).count()}};
    if (event.kind == Kind::line)
        out["speaker"] = event[Number::speaker] == 0 ? "client" : "server";
    for (const auto& [field, value] : event.texts)
        if (const std::string_view name = name_of(field); !name.empty())
            out[name] = printable(value, longest_text);
    for (const auto& [field, value] : event.numbers)
        put(out, field, value);
    return out;
}

json::object summary_of(const journey::Story& story)
{
    json::array recipients;
    for (const journey::End& end : story.ends)
        recipients.push_back(end_json(end, story.began));
    return {{"id", id_text(story.message)},
            {"from", printable(story.sender)},
            {"messageId", printable(story.message_id)},
            {"size", story.size},
            {"accepted", story.was_accepted},
            {"startedAt", rfc3339_date(story.began)},
            {"endedAt", rfc3339_date(story.ended)},
            {"took", (story.ended - story.began).count()},
            {"recipients", std::move(recipients)}};
}

json::object to_json(const journey::Story& story)
{
    json::object out = summary_of(story);
    json::array hops;
    for (const journey::Hop& hop : story.hops)
        hops.push_back(hop_json(hop, story.began));
    out["hops"] = std::move(hops);
    out["steps"] = to_array(story.steps, story.began);
    return out;
}

}  // namespace posthouse::console
