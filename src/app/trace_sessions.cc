#include "app/trace_sessions.h"

#include "app/options.h"
#include "app/process.h"
#include "base/terminal.h"
#include "base/text.h"
#include "journey/conversation.h"

#include <cstdio>

#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

using journey::Heard;

constexpr std::size_t narrowest_text = 20;

std::string text_of(const json::object& event, std::string_view name)
{
    const json::value* value = event.if_contains(name);
    return value == nullptr || !value->is_string() ? std::string() : std::string(value->as_string());
}

std::vector<json::object> objects_in(const json::object& whole, std::string_view name)
{
    std::vector<json::object> objects;
    const json::value* list = whole.if_contains(name);
    if (list != nullptr && list->is_array())
        for (const json::value& one : list->as_array())
            if (one.is_object())
                objects.push_back(one.as_object());
    return objects;
}

unsigned number_of(const json::object& event)
{
    const json::value* value = event.if_contains("session");
    boost::system::error_code error;
    return value == nullptr ? 0 : value->to_number<unsigned>(error);
}

Heard heard_of(const json::object& event)
{
    const std::string kind = text_of(event, "kind");
    const bool is_opened = kind == "opened";
    Heard heard;
    heard.kind = is_opened ? Heard::Kind::opened
        : kind == "line"   ? Heard::Kind::line
        : kind == "cut"    ? Heard::Kind::cut
        : kind == "closed" ? Heard::Kind::closed
                           : Heard::Kind::lost;
    heard.number = number_of(event);
    heard.protocol = journey::parse_protocol(text_of(event, "protocol")).value_or(journey::Protocol::imap);
    heard.speaker = text_of(event, "speaker") == "client" ? Speaker::client : Speaker::server;
    heard.text = text_of(event, is_opened ? "peer" : kind == "lost" ? "lines" : "text");
    heard.user = text_of(event, "user");
    return heard;
}

// Says in which form, as the three ways want it.
class Printer {
public:
    Printer(const SessionWishes& wishes, const ViewOptions& view) : wishes_(wishes), view_(view) { }
    void print(const json::object& event)
    {
        const std::string text = wishes_.as_json ? json::serialize(event) + "\n"
            : wishes_.as_script                  ? writer_.add(heard_of(event))
                                                 : session_line(event, view_);
        std::fputs(text.c_str(), stdout);
    }

private:
    const SessionWishes& wishes_;
    ViewOptions view_;
    journey::ConversationWriter writer_;
};

}  // namespace

std::string session_line(const json::object& event, const ViewOptions& options)
{
    const std::string kind = text_of(event, "kind");
    const std::string time = text_of(event, "at");
    const std::string at = time.size() > 23 ? time.substr(11, 12) : time;
    std::string text;
    Style style = Style::bold;
    if (kind == "line") {
        const bool is_client = text_of(event, "speaker") == "client";
        text = (is_client ? "C " : "S ") + text_of(event, "text");
        style = is_client ? Style::red : Style::blue;
    } else if (kind == "opened") {
        text = fmt::format("{} from {}", text_of(event, "protocol"), text_of(event, "peer"));
        if (const std::string user = text_of(event, "user"); !user.empty())
            text += ", " + user;
    } else if (kind == "closed") {
        text = "closed";
    } else if (kind == "cut") {
        text = "it goes on, but is too long to be recorded further";
        style = Style::yellow;
    } else {
        text = fmt::format("{} lines are lost: they came faster than they were fetched", text_of(event, "lines"));
        style = Style::yellow;
    }
    const std::string whose = kind == "lost" ? "   " : fmt::format("{:>3}", number_of(event));
    const std::size_t room = options.width - std::min(options.width, std::size_t{12 + 2 + 3 + 2});
    return styled(at, Style::dim, options.colour) + "  " + whose + "  " +
        styled(fitted(text, std::max(narrowest_text, room)), style, options.colour) + "\n";
}

std::string session_script(const json::object& session)
{
    journey::ConversationWriter writer;
    std::string script;
    unsigned number = 0;
    for (const json::object& hop : objects_in(session, "hops")) {
        const std::string room = text_of(hop, "room");
        const std::vector<json::object> lines = objects_in(hop, "dialogue");
        if (text_of(hop, "direction") != "in" || (room != "msa" && room != "mta/receive") || lines.empty())
            continue;
        Heard heard{.kind = Heard::Kind::opened, .number = ++number, .protocol = journey::Protocol::smtp};
        heard.text = text_of(hop, "peer");
        for (const json::object& step : objects_in(hop, "steps"))
            if (text_of(step, "step") == "login")
                heard.user = text_of(step, "result");
        script += writer.add(heard);
        for (const json::object& line : lines) {
            heard.kind = text_of(line, "kind") == "cut" ? Heard::Kind::cut : Heard::Kind::line;
            heard.speaker = text_of(line, "speaker") == "client" ? Speaker::client : Speaker::server;
            heard.text = text_of(line, "text");
            script += writer.add(heard);
        }
        heard.kind = Heard::Kind::closed;
        if (!text_of(hop, "closedAt").empty())
            script += writer.add(heard);
    }
    return script;
}

int trace_sessions(AdminClient& client, const SessionWishes& wishes, const ViewOptions& view)
{
    if (wishes.user.empty() && wishes.peer.empty())
        return report({ErrorCode::malformed, "say whose sessions: --user alice@north.test or --peer 192.0.2.7"});
    if (!client.is_running_server())
        return report({ErrorCode::unavailable, "no server runs there; sessions are recorded as they happen"});
    Result<json::object> answer = client.ask(
        "GET", {"sessions", "live"}, {}, {{"protocol", wishes.protocol}, {"user", wishes.user}, {"peer", wishes.peer}});
    if (!answer)
        return report(answer.error());
    const std::string cursor(answer->at("cursor").as_string());
    if (is_terminal(stderr) || wishes.as_script)
        std::fprintf(stderr, "recording %s sessions that begin from now on; Ctrl-C ends it\n", wishes.protocol.c_str());
    Printer printer(wishes, view);
    std::size_t ended = 0;
    for (;;) {
        answer = client.ask("GET", {"sessions", "live"}, {}, {{"after", cursor}});
        if (!answer)
            return report(answer.error());
        for (const json::value& value : answer->at("events").as_array()) {
            printer.print(value.as_object());
            ended += text_of(value.as_object(), "kind") == "closed" ? 1 : 0;
        }
        std::fflush(stdout);
        if (wishes.most > 0 && ended >= wishes.most) {
            const Result<json::object> done = client.ask("DELETE", {"sessions", "live"}, {}, {{"after", cursor}});
            return done ? exit_code::ok : report(done.error());
        }
    }
}

}  // namespace posthouse::app
