// posthouse trace: what happened to a message, from the first connection to the last recipient.
#include "app/admin_client.h"
#include "app/administration.h"
#include "app/journey_view.h"
#include "app/options.h"
#include "app/trace_sessions.h"
#include "base/ids.h"
#include "base/terminal.h"
#include "base/text.h"
#include "base/time.h"
#include "journey/session_recorder.h"

#include <cstdio>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

struct Wishes {
    std::string data;
    std::string house;
    std::string id;
    std::string session;
    std::string message_id;
    std::string from;
    std::string to;
    std::string since;
    std::string until;
    std::string user;
    std::size_t most = 20;
    bool as_json = false;
    bool dialogue = false;
    bool live = false;
    bool wide = false;
    bool script = false;
    std::string peer;
};

// "90s", "15m", "2h", "3d" ago, or a date with or without a time, in UTC.
Result<WallTime> parse_time(std::string_view text, WallTime now)
{
    const auto wrong = [&] {
        return fail(ErrorCode::malformed,
                    fmt::format("\"{}\" is no time; write 15m, 2h or 3d (ago), 2026-11-28 or 2026-11-28T22:14 (UTC)",
                                printable(text, 100)));
    };
    static constexpr std::array units{std::pair{'s', Duration{1s}}, std::pair{'m', Duration{1min}},
                                      std::pair{'h', Duration{1h}}, std::pair{'d', Duration{24h}}};
    for (const auto& [letter, unit] : units)
        if (text.ends_with(letter)) {
            const auto count = parse_number<std::uint32_t>(text.substr(0, text.size() - 1));
            return count ? Result<WallTime>(now - *count * unit) : wrong();
        }
    std::vector<unsigned> numbers;
    std::string digits;
    for (const char c : std::string(text) + "\n") {
        if (is_digit(c)) {
            digits += c;
            continue;
        }
        const auto number = parse_number<unsigned>(digits);
        if (!number || std::string_view("-T: Z\n").find(c) == std::string_view::npos)
            return wrong();
        numbers.push_back(*number);
        digits.clear();
        if (c == 'Z')
            break;
    }
    if (numbers.size() != 3 && numbers.size() != 5 && numbers.size() != 6)
        return wrong();
    numbers.resize(6, 0);
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(numbers[0])),
                                           std::chrono::month(numbers[1]), std::chrono::day(numbers[2])};
    if (!date.ok() || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 59)
        return wrong();
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(numbers[3]) + std::chrono::minutes(numbers[4]) +
        std::chrono::seconds(numbers[5]);
}

ViewOptions view_of(const Wishes& wishes)
{
    // To a pipe in full width: nothing is cut where nobody looks at it.
    const std::size_t width = is_terminal(stdout) ? terminal_width() : 200;
    return {
        .width = wishes.wide ? std::size_t{1000} : width, .colour = wants_colour(stdout), .dialogue = wishes.dialogue};
}

int print_journey(const json::object& journey, const Wishes& wishes)
{
    if (wishes.as_json)
        std::printf("%s\n", json::serialize(journey).c_str());
    else
        std::fputs(journey_tree(journey, view_of(wishes)).c_str(), stdout);
    return exit_code::ok;
}

int print_script(const json::object& session)
{
    const std::string script = session_script(session);
    if (script.empty())
        return report({ErrorCode::not_found, "nothing is kept of it that could be played"});
    std::fputs(script.c_str(), stdout);
    return exit_code::ok;
}

std::vector<std::string> path_to_journeys(const Wishes& wishes)
{
    if (wishes.user.empty())
        return {"journeys"};
    return {"accounts", wishes.user, "journeys"};
}

int trace_one(AdminClient& client, const Wishes& wishes, const std::string& id)
{
    std::vector<std::string> path = path_to_journeys(wishes);
    path.push_back(id);
    Result<json::object> journey =
        client.ask("GET", path, {}, {{"follow", client.is_running_server() ? "true" : "false"}});
    if (!journey && journey.error() == ErrorCode::not_found && wishes.user.empty()) {
        Result<json::object> session = client.ask("GET", {"sessions", id});  // the log names sessions, too
        if (session)
            journey = std::move(session);
    }
    return journey ? print_journey(*journey, wishes) : report(journey.error());
}

void print_list(const json::array& journeys)
{
    const bool colour = wants_colour(stdout);
    Table table({{"When (UTC)"}, {"ID"}, {"From", Align::left, true}, {"To", Align::left, true}, {"Outcome"}});
    for (const json::value& value : journeys) {
        const json::object& journey = value.as_object();
        const json::array& ends = journey.at("recipients").as_array();
        std::string to = ends.empty() ? "" : std::string(ends[0].as_object().at("email").as_string());
        if (ends.size() > 1)
            to += fmt::format(" and {} more", ends.size() - 1);
        std::string when(journey.at("startedAt").as_string());
        when = when.substr(0, 10) + " " + when.substr(11, 8);
        const std::string from(journey.at("from").as_string());
        table.add({when, std::string(journey.at("id").as_string()), from.empty() ? "<>" : from, to,
                   outcome_of(journey).text});
    }
    table.print(stdout);
    if (is_terminal(stdout))
        std::printf(
            "\n%s\n",
            styled("posthouse trace ID tells one of them whole; --dialogue also who said what.", Style::dim, colour)
                .c_str());
}

Result<std::map<std::string, std::string>> query_of(const Wishes& wishes)
{
    std::map<std::string, std::string> query{{"from", wishes.from},
                                             {"to", wishes.to},
                                             {"messageId", wishes.message_id},
                                             {"limit", std::to_string(wishes.most)}};
    for (const auto& [name, text] : {std::pair{"since", wishes.since}, std::pair{"until", wishes.until}}) {
        if (text.empty())
            continue;
        const Result<WallTime> time = parse_time(text, SystemClock().now());
        if (!time)
            return fail(time.error());
        query[name] = std::to_string(time->time_since_epoch().count());
    }
    return query;
}

int trace_found(AdminClient& client, const Wishes& wishes)
{
    const Result<std::map<std::string, std::string>> query = query_of(wishes);
    if (!query)
        return report(query.error());
    const Result<json::object> answer = client.ask("GET", path_to_journeys(wishes), {}, *query);
    if (!answer)
        return report(answer.error());
    const json::array& journeys = answer->at("journeys").as_array();
    const bool was_searched = !wishes.from.empty() || !wishes.to.empty() || !wishes.message_id.empty();
    if (was_searched && journeys.size() == 1)
        return trace_one(client, wishes, std::string(journeys[0].as_object().at("id").as_string()));
    if (wishes.as_json) {
        std::printf("%s\n", json::serialize(*answer).c_str());
        return exit_code::ok;
    }
    if (journeys.empty()) {
        std::fprintf(stderr, "posthouse: no message of that kind is known\n");
        return exit_code::failed;
    }
    if (const auto lost = answer->at("lostEvents").to_number<std::uint64_t>(); lost > 0)
        std::fprintf(stderr, "posthouse: the disk was too slow: %llu events were not kept since the start\n",
                     static_cast<unsigned long long>(lost));
    print_list(journeys);
    return exit_code::ok;
}

// Which messages to show: those whose sender or recipient has been told and fits.
class LiveFilter {
public:
    explicit LiveFilter(const Wishes& wishes) : wishes_(wishes) { }
    bool shows(const json::object& event)
    {
        const std::string id = text(event, "id");
        if (!wishes_.id.empty())
            return id == to_lower(wishes_.id);
        if (!wishes_.session.empty())
            return text(event, "sessionId") == to_lower(wishes_.session);
        if (wishes_.from.empty() && wishes_.to.empty())
            return true;
        if (agrees(event, "from", wishes_.from) || agrees(event, "recipient", wishes_.to))
            fitting_.insert(id);
        return !id.empty() && fitting_.contains(id);
    }

private:
    static std::string text(const json::object& event, std::string_view name)
    {
        const json::value* value = event.if_contains(name);
        return value == nullptr ? std::string() : std::string(value->as_string());
    }
    static bool agrees(const json::object& event, std::string_view name, const std::string& wanted)
    {
        return !wanted.empty() && equals_ignoring_case(text(event, name), wanted);
    }

    const Wishes& wishes_;
    std::set<std::string> fitting_;
};

int trace_live(AdminClient& client, const Wishes& wishes)
{
    if (!client.is_running_server())
        return report({ErrorCode::unavailable, "no server runs there; --live needs one to follow"});
    LiveFilter filter(wishes);
    std::string cursor;
    if (is_terminal(stderr))
        std::fprintf(stderr, "following along; Ctrl-C ends it\n");
    for (;;) {
        const Result<json::object> answer = client.ask("GET", {"journeys", "live"}, {}, {{"after", cursor}});
        if (!answer)
            return report(answer.error());
        cursor = std::string(answer->at("cursor").as_string());
        for (const json::value& value : answer->at("events").as_array()) {
            const json::object& event = value.as_object();
            if (!filter.shows(event))
                continue;
            const std::string line = wishes.as_json ? json::serialize(event) + "\n" : live_line(event, view_of(wishes));
            std::fputs(line.c_str(), stdout);
        }
        std::fflush(stdout);
    }
}

}  // namespace

int trace_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Wishes wishes;
    app.add_option("id", wishes.id, "the message's id: what \"queued as\" named, or its Received field");
    app.add_option("--message-id", wishes.message_id, "find it by its Message-ID");
    app.add_option("--from", wishes.from, "messages of this sender");
    app.add_option("--to", wishes.to, "messages for this recipient");
    app.add_option("--since", wishes.since, "not before: 15m, 2h, 3d (ago), 2026-11-28, 2026-11-28T22:14 (UTC)");
    app.add_option("--until", wishes.until, "not after");
    const CLI::Option* most =
        app.add_option("-n,--most", wishes.most,
                       "how many are listed, the newest ones; with --session imap: ends after so many sessions")
            ->check(CLI::Range(1, 500));
    app.add_option("--session", wishes.session,
                   "everything of one session, by its id; or imap, pop3 or smtp: sessions of --user or from --peer are "
                   "recorded from now on, and shown as they happen");
    app.add_option("--peer", wishes.peer, "with --session imap: those from this IP address");
    app.add_flag("--script", wishes.script, "with --session: as a conversation script, which tests can play");
    app.add_flag("--dialogue", wishes.dialogue, "also who said what: the client red, the server blue");
    app.add_flag("--live", wishes.live, "follow along as it happens");
    app.add_option("--user", wishes.user, "only what this user may see of it; with --session imap: whose sessions");
    app.add_flag("--wide", wishes.wide, "break no lines");
    app.add_option("--data", wishes.data, "the data folder (else POSTHOUSE_DATA, /var/lib/posthouse, the lab's)");
    app.add_option("--house", wishes.house, "which house of the lab: north (the first) or south");
    app.add_flag("--json", wishes.as_json, "one JSON document instead of a tree");
    if (const auto code = parse_options(app, command_named("trace"), arguments))
        return *code;
    Result<std::unique_ptr<AdminClient>> client = open_admin(data_folder_of(wishes.data, wishes.house));
    if (!client)
        return report(client.error());
    if (journey::parse_protocol(wishes.session))
        return trace_sessions(**client,
                              {.protocol = wishes.session,
                               .user = wishes.user,
                               .peer = wishes.peer,
                               .most = most->count() > 0 ? wishes.most : 0,
                               .as_json = wishes.as_json,
                               .as_script = wishes.script},
                              view_of(wishes));
    if (!wishes.peer.empty() || (wishes.script && wishes.session.empty()))
        return report({ErrorCode::malformed, "--script and --peer go with --session imap, pop3 or smtp"});
    if (wishes.live)
        return trace_live(**client, wishes);
    if (!wishes.session.empty()) {
        const Result<json::object> session = (*client)->ask("GET", {"sessions", wishes.session});
        if (session && wishes.script)
            return print_script(*session);
        return session ? print_journey(*session, wishes) : report(session.error());
    }
    if (!wishes.id.empty())
        return trace_one(**client, wishes, wishes.id);
    return trace_found(**client, wishes);
}

}  // namespace posthouse::app
