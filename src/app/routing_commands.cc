// posthouse route and posthouse explain: the ways mail takes.
#include "app/admin_session.h"
#include "app/administration.h"
#include "app/options.h"
#include "base/terminal.h"
#include "base/text.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

const json::object& object_at(const json::object& object, std::string_view name)
{
    static const json::object none;
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_object() ? value->as_object() : none;
}

bool flag_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->as_bool();
}

// ---- route

std::string tls_text(const json::object& route)
{
    const std::string tls = text_at(route, "tls");
    if (tls == "none")
        return "none: in the clear";
    if (tls == "opportunistic")
        return "STARTTLS where the host offers it, with any certificate";
    return fmt::format("{}, with {} certificate",
                       tls == "implicit" ? "TLS from the first byte" : "STARTTLS, or nothing is sent",
                       flag_at(route, "verifyCertificate") ? "a valid" : "any");
}

std::string domain_text(const std::string& domain) { return domain == "*" ? "all other domains" : domain; }

int list_routes(Session& session)
{
    const Result<json::object> answer = session.client->ask("GET", {"routes"});
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        return print_json(*answer), exit_code::ok;
    Table table({{"Domain"}, {"Host"}, {"Port", Align::right}, {"TLS"}, {"Certificate"}, {"Login"}});
    for (const json::value& value : list_at(*answer, "routes")) {
        const json::object& row = value.as_object();
        table.add({text_at(row, "domain"), text_at(row, "host"), text_at(row, "port"), text_at(row, "tls"),
                   flag_at(row, "verifyCertificate") ? "verified" : "any", text_at(row, "login")});
    }
    table.print(stdout);
    return exit_code::ok;
}

int show_route(Session& session, const std::string& domain)
{
    const Result<json::object> route = session.client->ask("GET", {"routes", domain});
    if (!route)
        return report(route.error());
    if (session.as_json)
        return print_json(*route), exit_code::ok;
    std::printf("%s",
                printable(fmt::format("{} goes to {}, port {}", domain_text(domain), text_at(*route, "host"),
                                      text_at(*route, "port")))
                    .c_str());
    std::printf(", by the route for %s\n  TLS    %s\n  login  %s\n",
                printable(domain_text(text_at(*route, "domain"))).c_str(), tls_text(*route).c_str(),
                route->contains("login") ? printable(text_at(*route, "login")).c_str() : "none");
    return exit_code::ok;
}

// ---- explain

constexpr std::size_t label_width = 10;

void say(std::string_view label, std::string_view text)
{
    std::printf("%s\n", fmt::format("  {:<{}} {}", label, label_width, printable(text, 4000)).c_str());
}

std::string reply_text(const json::object& reply)
{
    return fmt::format("{} {} {}", text_at(reply, "code"), text_at(reply, "status"), text_at(reply, "text"));
}

std::string span_text(std::uint64_t seconds)
{
    if (seconds >= 86'400 && seconds % 86'400 == 0)
        return fmt::format("{} days", seconds / 86'400);
    if (seconds >= 3'600 && seconds % 3'600 == 0)
        return fmt::format("{} h", seconds / 3'600);
    if (seconds >= 60 && seconds % 60 == 0)
        return fmt::format("{} min", seconds / 60);
    return fmt::format("{} s", seconds);
}

std::string retry_text(const json::object& retry)
{
    const json::array& delays = list_at(retry, "delays");
    std::string text;
    for (std::size_t i = 0; i + 1 < delays.size(); ++i)
        text += (text.empty() ? "again after " : ", ") + span_text(delays[i].to_number<std::uint64_t>());
    if (!delays.empty())
        text += (text.empty() ? "again every " : ", then every ") + span_text(delays.back().to_number<std::uint64_t>());
    if (const std::uint64_t warn = number_at(retry, "warnAfter"); warn != 0)
        text += fmt::format("; a notice to the sender after {}", span_text(warn));
    return text + fmt::format("; given up and returned after {}", span_text(number_at(retry, "giveUpAfter")));
}

std::string join(const json::array& items, std::string_view separator)
{
    std::string text;
    for (const json::value& item : items)
        text += (text.empty() ? "" : std::string(separator)) + std::string(item.as_string());
    return text;
}

void print_hosts(const json::array& hosts)
{
    Table table({{"  Host"}, {"Preference", Align::right}, {"Port", Align::right}, {"Addresses", Align::left, true}});
    for (const json::value& value : hosts) {
        const json::object& host = value.as_object();
        const std::string addresses = join(list_at(host, "addresses"), " ");
        table.add({"  " + text_at(host, "name"), text_at(host, "preference"), text_at(host, "port"),
                   addresses.empty() ? text_at(host, "note") : addresses});
    }
    if (!table.empty())
        std::fputs(table.text(terminal_width(), wants_colour(stdout)).c_str(), stdout);
}

void print_dns(const json::array& facts)
{
    for (const json::value& value : facts) {
        const json::object& fact = value.as_object();
        const std::string answers = join(list_at(fact, "answers"), ", ");
        const std::string why = text_at(fact, "text");
        std::string text = text_at(fact, "question") + " → ";
        if (answers.empty())
            text += why.empty() ? text_at(fact, "status") : why;
        else
            text += answers + (why.empty() ? "" : " (" + why + ")");
        if (flag_at(fact, "dnssec"))
            text += ", proven by DNSSEC";
        say("DNS", text);
    }
}

void print_route(const json::object& route)
{
    const std::string kind = text_at(route, "kind");
    const std::string status = text_at(route, "status");
    if (kind == "hosts")
        say("relayed", text_at(route, "reason"));
    else if (kind == "failed")
        say("returned", fmt::format("to the sender, {}: {}", status, text_at(route, "reason")));
    else if (kind == "deferred")
        say("waits", fmt::format("{}: {}", status, text_at(route, "reason")));
    else
        say(kind, text_at(route, "reason"));
    print_hosts(list_at(route, "hosts"));
    if (kind == "hosts") {
        say("TLS", tls_text(route));
        if (route.contains("login"))
            say("login", "as " + text_at(route, "login"));
    }
    if (kind != "failed" && route.contains("retry"))
        say("retries", retry_text(object_at(route, "retry")));
    print_dns(list_at(route, "dns"));
}

void print_recipient(const json::object& recipient)
{
    const json::object& reply = object_at(recipient, "reply");
    const bool taken = number_at(reply, "code") / 100 == 2;
    std::printf("\n%s\n", styled(printable(text_at(recipient, "address")), Style::bold, wants_colour(stdout)).c_str());
    say(taken ? "taken" : "refused", reply_text(reply));
    for (const json::value& value : list_at(recipient, "local")) {
        const json::object& target = value.as_object();
        const std::string detail = text_at(target, "subaddress");
        say("filed",
            fmt::format("into the mailbox of {}{}", text_at(target, "account"),
                        detail.empty() ? "" : fmt::format(" (subaddress {})", detail)));
    }
    for (const json::value& value : list_at(recipient, "remote")) {
        const json::object& route = value.as_object();
        if (text_at(route, "address") != text_at(recipient, "address"))
            say("leads to", text_at(route, "address"));
        print_route(route);
    }
}

void print_explanation(const json::object& explanation)
{
    const std::string from = text_at(explanation, "from");
    const bool submitted = text_at(explanation, "door") == "msa";
    std::printf("%s\n",
                styled(printable("from " + (from.empty() ? "<>" : from)), Style::bold, wants_colour(stdout)).c_str());
    say(submitted ? "submitted" : "port 25", text_at(explanation, "why"));
    const json::object& reply = object_at(explanation, "reply");
    say(number_at(reply, "code") / 100 == 2 ? "taken" : "refused", reply_text(reply));
    for (const json::value& recipient : list_at(explanation, "recipients"))
        print_recipient(recipient.as_object());
}

}  // namespace

int route_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string domain;
    std::string host;
    std::string tls;
    std::string login;
    std::uint16_t port = 0;
    bool any_certificate = false;
    session.add_options(app);
    app.require_subcommand(1);
    app.fallthrough();
    CLI::App* add = app.add_subcommand("add", "send a domain's mail to a host; replaces the route of that domain");
    CLI::App* list = app.add_subcommand("list", "all stored routes");
    CLI::App* show = app.add_subcommand("show", "the route a domain's mail takes");
    CLI::App* remove = app.add_subcommand("remove", "by MX records again");
    for (CLI::App* sub : {add, show, remove})
        sub->add_option("domain", domain, "a domain, or * for all that have no route of their own")->required();
    add->add_option("host", host, "the smarthost: a name or an IP address")->required();
    add->add_option("--port", port, "its port (25; with a login 587; with implicit TLS 465)");
    add->add_option("--tls", tls, "opportunistic, required, none or implicit (opportunistic; with a login required)");
    add->add_option("--login", login, "log in there; asks for the password (or reads a line of standard input)");
    add->add_flag("--any-certificate", any_certificate, "required and implicit TLS: do not verify the certificate");
    if (const auto code = parse_options(app, command_named("route"), arguments))
        return *code;
    json::object body{{"host", host}};
    if (*add && !login.empty()) {
        const Result<std::string> password = read_password("password of " + login + " at " + host);
        if (!password)
            return report(password.error());
        body["login"] = login;
        body["password"] = *password;
    }
    if (port != 0)
        body["port"] = port;
    if (!tls.empty())
        body["tls"] = tls;
    if (any_certificate)
        body["verifyCertificate"] = false;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    if (*list)
        return list_routes(session);
    if (*show)
        return show_route(session, domain);
    if (*remove)
        return ask_and_say(session, "DELETE", {"routes", domain}, {},
                           domain_text(domain) + " goes by MX records again");
    return ask_and_say(session, "PUT", {"routes", domain}, body,
                       fmt::format("mail for {} goes to {}", domain_text(domain), host));
}

int explain_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string from;
    std::vector<std::string> to;
    session.add_options(app);
    app.add_option("from", from, "who would write: an address of ours is taken as logged in; <> for a notice")
        ->required();
    app.add_option("to", to, "to whom")->required();
    if (const auto code = parse_options(app, command_named("explain"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    const Result<json::object> answer =
        session.client->ask("POST", {"explain"}, {{"from", from}, {"to", json::array(to.begin(), to.end())}});
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        print_json(*answer);
    else
        print_explanation(*answer);
    return exit_code::ok;
}

}  // namespace posthouse::app
