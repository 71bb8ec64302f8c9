#include "app/queue_commands.h"

#include "app/admin_session.h"
#include "app/options.h"
#include "base/terminal.h"
#include "base/text.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

// "2026-11-22T00:02:27.123Z" as people read it.
std::string moment(const json::object& object, std::string_view name)
{
    std::string text = text_at(object, name);
    if (text.size() < 19)
        return "-";
    text[10] = ' ';
    return text.substr(0, 19);
}

// "90s", "15m", "4h", "5d"; a number alone is seconds.
std::optional<std::uint64_t> parse_span(std::string_view text)
{
    std::uint64_t unit = 1;
    if (!text.empty()) {
        switch (text.back()) {
        case 's': unit = 1; break;
        case 'm': unit = 60; break;
        case 'h': unit = 3600; break;
        case 'd': unit = 86'400; break;
        default: unit = 0;
        }
    }
    if (unit != 0 && !text.empty() && !is_digit(text.back()))
        text.remove_suffix(1);
    else
        unit = 1;
    const std::optional<std::uint64_t> number = parse_number<std::uint64_t>(text);
    if (!number || *number > 1'000'000'000 / unit)
        return std::nullopt;
    return *number * unit;
}

std::string span_text(std::uint64_t seconds)
{
    if (seconds == 0)
        return "never";
    if (seconds % 86'400 == 0)
        return fmt::format("{}d", seconds / 86'400);
    if (seconds % 3600 == 0)
        return fmt::format("{}h", seconds / 3600);
    if (seconds % 60 == 0)
        return fmt::format("{}m", seconds / 60);
    return fmt::format("{}s", seconds);
}

int show_answer(Session& session, std::vector<std::string> path, std::map<std::string, std::string> query,
                void (*print)(const json::object&))
{
    const Result<json::object> answer = session.client->ask("GET", std::move(path), {}, std::move(query));
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        print_json(*answer);
    else
        print(*answer);
    return exit_code::ok;
}

void print_groups(const json::object& answer)
{
    Table table({{"Destination"},
                 {"Recipients", Align::right},
                 {"Oldest (UTC)"},
                 {"Next try (UTC)"},
                 {"Reason", Align::left, true}});
    for (const json::value& value : list_at(answer, "groups")) {
        const json::object& row = value.as_object();
        const std::string domain = text_at(row, "domain");
        const std::string destination = text_at(row, "destination");
        const bool elsewhere = !destination.empty() && destination != domain;
        table.add({elsewhere ? domain + " by " + destination : domain, text_at(row, "entries"), moment(row, "oldest"),
                   moment(row, "next"), text_at(row, "reason")});
    }
    table.print(stdout);
    if (is_terminal(stdout))
        std::printf("%s\n",
                    table.empty() ? "The queue is empty."
                                  : fmt::format("{} messages wait for {} recipients.", number_at(answer, "messages"),
                                                number_at(answer, "entries"))
                                        .c_str());
}

void print_items(const json::object& answer)
{
    Table table({{"ID"}, {"Arrived (UTC)"}, {"Size", Align::right}, {"From"}, {"To", Align::left, true}});
    for (const json::value& value : list_at(answer, "items")) {
        const json::object& row = value.as_object();
        std::string to;
        for (const json::value& recipient : list_at(row, "recipients"))
            to += (to.empty() ? "" : ", ") + text_at(recipient.as_object(), "recipient");
        table.add({text_at(row, "id"), moment(row, "arrived"), human_bytes(number_at(row, "size")),
                   text_at(row, "from").empty() ? "<>" : text_at(row, "from"), to});
    }
    table.print(stdout);
}

void print_item(const json::object& answer)
{
    const std::string from = text_at(answer, "from");
    std::printf("%s",
                printable(fmt::format("{}  {}  from {}  arrived {}", text_at(answer, "id"),
                                      human_bytes(number_at(answer, "size")), from.empty() ? "<>" : from,
                                      moment(answer, "arrived")))
                    .c_str());
    if (answer.contains("holdUntil"))
        std::printf("  held until %s", moment(answer, "holdUntil").c_str());
    std::printf("\n");
    for (const json::value& value : list_at(answer, "recipients")) {
        const json::object& row = value.as_object();
        std::printf("\n%s\n",
                    printable(fmt::format("{}: {}, tried {} times, next {}, given up {}", text_at(row, "recipient"),
                                          text_at(row, "state"), number_at(row, "attempts"), moment(row, "next"),
                                          moment(row, "givenUp")))
                        .c_str());
        if (!text_at(row, "reason").empty())
            std::printf("  %s\n", printable(text_at(row, "reason")).c_str());
        for (const json::value& line : list_at(row, "dialogue"))
            std::printf("  %s\n", printable(std::string(line.as_string())).c_str());
    }
    std::printf("\n");
    std::string header = text_at(answer, "header");
    for (std::size_t begin = 0; begin < header.size();) {
        const std::size_t end = std::min(header.find("\r\n", begin), header.size());
        std::printf("  %s\n", printable(header.substr(begin, end - begin)).c_str());
        begin = end + 2;
    }
}

void print_routes(const json::object& answer)
{
    Table table({{"Domain"}, {"Recipients", Align::right}, {"Goes to", Align::left, true}, {"Because"}});
    for (const json::value& value : list_at(answer, "routes")) {
        const json::object& row = value.as_object();
        std::string hosts;
        for (const json::value& host : list_at(row, "hosts"))
            hosts += (hosts.empty() ? "" : ", ") +
                fmt::format("{}:{}", text_at(host.as_object(), "name"), number_at(host.as_object(), "port"));
        table.add(
            {text_at(row, "domain"), text_at(row, "entries"), hosts.empty() ? "-" : hosts, text_at(row, "reason")});
    }
    table.print(stdout);
}

void print_policies(const json::object& answer)
{
    Table table({{"Domain"},
                 {"Tried again after", Align::left, true},
                 {"Sender told after"},
                 {"Given up after"},
                 {"Connections", Align::right},
                 {"A minute", Align::right}});
    for (const json::value& value : list_at(answer, "policies")) {
        const json::object& row = value.as_object();
        std::string retry;
        for (const json::value& step : list_at(row, "retry"))
            retry += (retry.empty() ? "" : ",") + span_text(step.to_number<std::uint64_t>());
        const std::uint64_t rate = number_at(row, "perMinute");
        table.add({text_at(row, "domain"), retry, span_text(number_at(row, "warnAfter")),
                   span_text(number_at(row, "giveUpAfter")), text_at(row, "connections"),
                   rate == 0 ? "any" : std::to_string(rate)});
    }
    table.print(stdout);
}

int act(Session& session, const std::string& action, const std::string& id, const std::string& domain, bool all,
        const std::string& account)
{
    const bool says_what = !id.empty() || !domain.empty() || all;
    if (!says_what)
        return report({ErrorCode::malformed, "say which: an ID, --domain D, or --all"});
    json::object body{{"domain", domain}, {"all", all}, {"account", account}};
    std::vector<std::string> path =
        id.empty() ? std::vector<std::string>{"queue", action} : std::vector<std::string>{"queue", "items", id, action};
    const Result<json::object> answer = session.client->ask("POST", std::move(path), body);
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        return print_json(*answer), exit_code::ok;
    const std::uint64_t entries = number_at(*answer, "entries");
    std::printf("%s\n", fmt::format("{}: {} {}", action, entries, entries == 1 ? "recipient" : "recipients").c_str());
    return exit_code::ok;
}

struct ScheduleOptions {
    std::string domain;
    std::string retry;
    std::string warn;
    std::string give_up;
    std::string connections;
    std::string rate;
    bool usual = false;
    bool changes() const
    {
        return !retry.empty() || !warn.empty() || !give_up.empty() || !connections.empty() || !rate.empty();
    }
};

int schedule(Session& session, const ScheduleOptions& options)
{
    if (options.domain.empty())
        return show_answer(session, {"queue", "policies"}, {}, print_policies);
    if (options.usual)
        return ask_and_say(session, "DELETE", {"queue", "policies", options.domain}, {},
                           options.domain + " goes by everybody's schedule");
    if (!options.changes())
        return report({ErrorCode::malformed, "say what to change: --retry, --warn, --give-up, --connections, --rate"});
    json::object body;
    const auto span = [&](const std::string& text, const char* name, const char* none) {
        if (text.empty())
            return true;
        const std::optional<std::uint64_t> seconds =
            none != nullptr && text == none ? std::optional<std::uint64_t>(0) : parse_span(text);
        if (seconds)
            body[name] = *seconds;
        return seconds.has_value();
    };
    if (!options.retry.empty()) {
        json::array steps;
        for (const std::string& step : CLI::detail::split(options.retry, ',')) {
            const std::optional<std::uint64_t> seconds = parse_span(step);
            if (!seconds)
                return report({ErrorCode::malformed, "\"" + step + "\" is no span of time; write 1m,5m,1h"});
            steps.push_back(*seconds);
        }
        body["retry"] = std::move(steps);
    }
    if (!span(options.warn, "warnAfter", "never") || !span(options.give_up, "giveUpAfter", nullptr))
        return report({ErrorCode::malformed, "a span of time is a number and s, m, h or d: 4h"});
    for (const auto& [text, name] :
         {std::pair{&options.connections, "connections"}, std::pair{&options.rate, "perMinute"}}) {
        const std::optional<std::uint64_t> number = text->empty() ? 0 : parse_number<std::uint64_t>(*text);
        if (!number)
            return report({ErrorCode::malformed, "\"" + *text + "\" is no number"});
        if (!text->empty())
            body[name] = *number;
    }
    return ask_and_say(session, "PUT", {"queue", "policies", options.domain}, body,
                       options.domain + " has a schedule of its own");
}

}  // namespace

int queue_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string id;
    std::string domain;
    std::string account;
    bool all = false;
    bool messages = false;
    ScheduleOptions options;
    session.add_options(app);
    app.require_subcommand(1);
    app.fallthrough();
    CLI::App* list = app.add_subcommand("list", "what waits, by destination and reason, with the next try");
    list->add_flag("--messages", messages, "message by message, with ids");
    list->add_option("--domain", domain, "only what is for this domain");
    CLI::App* show = app.add_subcommand("show", "one message: its recipients, what was said, its header");
    show->add_option("id", id, "the message's id, as the 250 named it")->required();
    CLI::App* retry = app.add_subcommand("retry", "try now");
    CLI::App* hold = app.add_subcommand("hold", "keep until it is released");
    CLI::App* release = app.add_subcommand("release", "ends hold");
    CLI::App* give_up = app.add_subcommand("fail", "give up: the sender is told");
    CLI::App* drop = app.add_subcommand("drop", "take out; nobody is told. Also cancels what is held for later");
    for (CLI::App* sub : {retry, hold, release, give_up, drop}) {
        sub->add_option("id", id, "the message's id");
        sub->add_option("--domain", domain, "what is for this domain");
        sub->add_flag("--all", all, "everything in the queue");
        sub->add_option("--as", account, "only if it is this account's message");
    }
    CLI::App* route = app.add_subcommand("route", "where each waiting domain goes, and why");
    CLI::App* timing = app.add_subcommand("schedule", "how often and how long a domain is tried; \"*\" for all");
    timing->add_option("domain", options.domain, "the domain; none: shows what is set");
    timing->add_option("--retry", options.retry, "spans between tries, the last one repeats: 1m,5m,15m,30m,1h,2h,4h");
    timing->add_option("--warn", options.warn, "when the sender is told that it is late: 4h, never");
    timing->add_option("--give-up", options.give_up, "when it goes back to the sender: 5d");
    timing->add_option("--connections", options.connections, "at most so many at once: 10");
    timing->add_option("--rate", options.rate, "at most so many messages a minute; 0: any number");
    timing->add_flag("--usual", options.usual, "back to everybody's schedule");
    if (const auto code = parse_options(app, command_named("queue"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    if (*list && messages)
        return show_answer(session, {"queue", "items"}, {{"domain", domain}, {"most", "10000"}}, print_items);
    if (*list)
        return show_answer(session, {"queue"}, {{"domain", domain}}, print_groups);
    if (*show)
        return show_answer(session, {"queue", "items", id}, {}, print_item);
    if (*route)
        return show_answer(session, {"queue", "routes"}, {}, print_routes);
    if (*timing)
        return schedule(session, options);
    const std::string action = *retry ? "retry" : *hold ? "hold" : *release ? "release" : *give_up ? "fail" : "drop";
    return act(session, action, id, domain, all, account);
}

}  // namespace posthouse::app
