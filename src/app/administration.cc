#include "app/administration.h"

#include "app/admin_session.h"
#include "app/options.h"
#include "app/process.h"
#include "base/terminal.h"
#include "base/text.h"
#include "directory/directory.h"
#include "mua/when.h"
#include "store/rocksdb/backup.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

std::string quota_text(std::uint64_t bytes) { return bytes == 0 ? "none" : human_bytes(bytes); }

// A new password, typed twice where a person types it.
Result<std::string> new_password()
{
    Result<std::string> password = read_password("new password");
    if (!password)
        return password;
    if (password->empty())
        return fail(ErrorCode::malformed, "the password is empty");
    if (!is_terminal(stdin))
        return password;
    const Result<std::string> again = read_password("once more");
    if (!again)
        return again;
    if (*again != *password)
        return fail(ErrorCode::malformed, "the two passwords differ; nothing was changed");
    return password;
}

int list_domains(Session& session)
{
    const Result<json::object> answer = session.client->ask("GET", {"domains"});
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        return print_json(*answer), exit_code::ok;
    Table table({{"Domain"}, {"Catch-all"}, {"Disabled"}});
    for (const json::value& row : list_at(*answer, "domains"))
        table.add({text_at(row.as_object(), "name"), text_at(row.as_object(), "catchAll"),
                   text_at(row.as_object(), "disabled")});
    table.print(stdout);
    return exit_code::ok;
}

int list_accounts(Session& session, const std::string& domain)
{
    const Result<json::object> answer = session.client->ask("GET", {"accounts"}, {}, {{"domain", domain}});
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        return print_json(*answer), exit_code::ok;
    Table table({{"Address"}, {"Name", Align::left, true}, {"Quota", Align::right}, {"Disabled"}, {"ID"}});
    for (const json::value& value : list_at(*answer, "accounts")) {
        const json::object& row = value.as_object();
        table.add({text_at(row, "address"), text_at(row, "name"), quota_text(number_at(row, "quota")),
                   text_at(row, "disabled"), text_at(row, "id")});
    }
    table.print(stdout);
    return exit_code::ok;
}

std::string outgoing_text(std::uint64_t per_hour)
{
    return per_hour >= directory::unlimited_outgoing ? "any number" : std::to_string(per_hour);
}

int show_account(Session& session, const std::string& address)
{
    const Result<json::object> account = session.client->ask("GET", {"accounts", address});
    if (!account)
        return report(account.error());
    Result<json::object> mailboxes = session.client->ask("GET", {"accounts", address, "mailboxes"});
    if (!mailboxes)
        return report(mailboxes.error());
    if (session.as_json) {
        json::object both = *account;
        both["mailboxes"] = (*mailboxes)["mailboxes"];
        return print_json(both), exit_code::ok;
    }
    std::printf(
        "%s",
        fmt::format("{}  {}\nid        {}\nquota     {} of {} used, {} messages\noutgoing  {} recipients in the last "
                    "hour, {} are the most\nundo      {} s\ndisabled  {}\n\n",
                    text_at(*account, "address"), text_at(*account, "name"), text_at(*account, "id"),
                    human_bytes(number_at(*account, "used")), quota_text(number_at(*account, "quota")),
                    number_at(*account, "emails"), number_at(*account, "outgoingThisHour"),
                    outgoing_text(number_at(*account, "outgoingPerHour")), number_at(*account, "undoSeconds"),
                    text_at(*account, "disabled"))
            .c_str());
    Table table({{"Mailbox", Align::left, true},
                 {"Role"},
                 {"Messages", Align::right},
                 {"Unread", Align::right},
                 {"Size", Align::right}});
    for (const json::value& value : list_at(*mailboxes, "mailboxes")) {
        const json::object& row = value.as_object();
        table.add({text_at(row, "name"), text_at(row, "role"), text_at(row, "totalEmails"),
                   text_at(row, "unreadEmails"), human_bytes(number_at(row, "size"))});
    }
    table.print(stdout);
    return exit_code::ok;
}

int set_outgoing_limit(Session& session, const std::string& address, const std::string& text)
{
    const std::optional<std::uint32_t> number =
        text == "unlimited" ? directory::unlimited_outgoing : parse_number<std::uint32_t>(text);
    if (!number)
        return report({ErrorCode::malformed, "\"" + text + "\" is no number of recipients"});
    return ask_and_say(
        session, "POST", {"accounts", address, "outgoing"}, {{"perHour", *number}},
        fmt::format("{} may send to recipients elsewhere: {} in an hour", address, outgoing_text(*number)));
}

int set_undo_window(Session& session, const std::string& address, const std::string& text)
{
    const Result<Duration> span = text == "off" ? Result<Duration>(Duration{}) : mua::parse_span(text);
    if (!span)
        return report(span.error());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*span).count();
    return ask_and_say(
        session, "POST", {"accounts", address, "undo"}, {{"seconds", seconds}},
        seconds == 0 ? fmt::format("what {} sends goes at once", address)
                     : fmt::format("what {} sends is held for {} seconds, and can be cancelled", address, seconds));
}

int list_aliases(Session& session, const std::string& domain)
{
    const Result<json::object> answer = session.client->ask("GET", {"aliases"}, {}, {{"domain", domain}});
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        return print_json(*answer), exit_code::ok;
    Table table({{"Alias"}, {"Leads to", Align::left, true}});
    for (const json::value& value : list_at(*answer, "aliases")) {
        std::string targets;
        for (const json::value& target : list_at(value.as_object(), "targets"))
            targets += (targets.empty() ? "" : ", ") + std::string(target.as_string());
        table.add({text_at(value.as_object(), "address"), targets});
    }
    table.print(stdout);
    return exit_code::ok;
}

}  // namespace

int domain_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string name;
    std::string address;
    session.add_options(app);
    app.require_subcommand(1);
    app.fallthrough();
    CLI::App* add = app.add_subcommand("add", "take mail for a domain");
    CLI::App* list = app.add_subcommand("list", "the domains that are ours");
    CLI::App* remove =
        app.add_subcommand("remove", "take no more mail for it; it must have no accounts and aliases left");
    CLI::App* catch_all = app.add_subcommand("catch-all", "who gets mail for addresses that do not exist");
    for (CLI::App* sub : {add, remove, catch_all})
        sub->add_option("domain", name, "the domain")->required();
    catch_all->add_option("address", address, "an account or alias; left out: nobody");
    if (const auto code = parse_options(app, command_named("domain"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    if (*list)
        return list_domains(session);
    if (*add)
        return ask_and_say(session, "POST", {"domains"}, {{"name", name}}, name + " is ours now");
    if (*remove)
        return ask_and_say(session, "DELETE", {"domains", name}, {}, name + " is no longer ours");
    return ask_and_say(session, "POST", {"domains", name, "catch-all"}, {{"address", address}},
                       address.empty() ? name + " has no catch-all" : address + " gets the rest of " + name);
}

int account_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string address;
    std::string name;
    std::string quota;
    std::string per_hour;
    std::string undo;
    std::string domain;
    session.add_options(app);
    app.require_subcommand(1);
    app.fallthrough();
    CLI::App* add =
        app.add_subcommand("add", "a new account; asks for its password (or reads a line of standard input)");
    CLI::App* list = app.add_subcommand("list", "all accounts");
    CLI::App* show = app.add_subcommand("show", "one account, its mailboxes and what they hold");
    CLI::App* passwd = app.add_subcommand("passwd", "a new password");
    CLI::App* set_quota = app.add_subcommand("quota", "how many bytes it may hold: 500M, 10G, 0 for no limit");
    CLI::App* set_outgoing = app.add_subcommand(
        "outgoing", "to how many recipients elsewhere it may send in an hour: a number, or \"unlimited\" (500)");
    CLI::App* set_undo =
        app.add_subcommand("undo", "how long what it sends is held first, to be cancelled: 30s, 2m, \"off\"");
    CLI::App* disable = app.add_subcommand("disable", "no login and no new mail, the mail stays");
    CLI::App* enable = app.add_subcommand("enable", "ends disable");
    CLI::App* remove = app.add_subcommand("remove", "the account and all of its mail");
    for (CLI::App* sub : {add, show, passwd, set_quota, set_outgoing, set_undo, disable, enable, remove})
        sub->add_option("address", address, "the account's address, which is its login name")->required();
    add->add_option("--name", name, "the person's name");
    add->add_option("--quota", quota, "how many bytes it may hold");
    set_quota->add_option("bytes", quota, "the limit")->required();
    set_outgoing->add_option("per-hour", per_hour, "recipients an hour")->required();
    set_undo->add_option("window", undo, "the span of time")->required();
    list->add_option("domain", domain, "only of this domain");
    if (const auto code = parse_options(app, command_named("account"), arguments))
        return *code;
    Result<std::uint64_t> bytes = quota.empty() ? Result<std::uint64_t>{0} : parse_bytes(quota);
    if (!bytes)
        return report(bytes.error());
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    if (*list)
        return list_accounts(session, domain);
    if (*show)
        return show_account(session, address);
    if (*disable || *enable)
        return ask_and_say(session, "POST", {"accounts", address, "disabled"}, {{"disabled", bool(*disable)}},
                           address + (*disable ? " is disabled" : " is enabled"));
    if (*remove)
        return ask_and_say(session, "DELETE", {"accounts", address}, {}, address + " and its mail are gone");
    if (*set_quota)
        return ask_and_say(session, "POST", {"accounts", address, "quota"}, {{"bytes", *bytes}},
                           fmt::format("{} may hold {}", address, *bytes == 0 ? "any amount" : human_bytes(*bytes)));
    if (*set_outgoing)
        return set_outgoing_limit(session, address, per_hour);
    if (*set_undo)
        return set_undo_window(session, address, undo);
    const Result<std::string> password = new_password();
    if (!password)
        return report(password.error());
    if (*passwd)
        return ask_and_say(session, "POST", {"accounts", address, "password"}, {{"password", *password}},
                           address + " has a new password");
    json::object body{{"address", address}, {"password", *password}, {"name", name}};
    if (!quota.empty())
        body["quota"] = *bytes;
    return ask_and_say(session, "POST", {"accounts"}, body, address + " can log in and get mail");
}

int alias_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string address;
    std::string domain;
    std::vector<std::string> targets;
    session.add_options(app);
    app.require_subcommand(1);
    app.fallthrough();
    CLI::App* add = app.add_subcommand(
        "add", "an address that leads to accounts or other aliases; replaces the alias of that name");
    CLI::App* list = app.add_subcommand("list", "all aliases");
    CLI::App* remove = app.add_subcommand("remove", "the alias, not what it leads to");
    for (CLI::App* sub : {add, remove})
        sub->add_option("address", address, "the alias")->required();
    add->add_option("target", targets, "whom it leads to")->required();
    list->add_option("domain", domain, "only of this domain");
    if (const auto code = parse_options(app, command_named("alias"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    if (*list)
        return list_aliases(session, domain);
    if (*remove)
        return ask_and_say(session, "DELETE", {"aliases", address}, {}, address + " leads nowhere now");
    return ask_and_say(session, "PUT", {"aliases", address}, {{"targets", json::array(targets.begin(), targets.end())}},
                       fmt::format("{} leads to {}", address, fmt::join(targets, ", ")));
}

int status_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    session.add_options(app);
    if (const auto code = parse_options(app, command_named("status"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    const Result<json::object> answer = session.client->ask("GET", {"status"});
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        return print_json(*answer), exit_code::ok;
    if (!session.client->is_running_server())
        std::printf("no server runs on %s\n", data_folder_of(session.data, session.house).c_str());
    Table table({{""}, {"", Align::left, true}});
    for (const auto& [name, value] : *answer)
        if (!value.is_array())
            table.add({std::string(name), text_at(*answer, name)});
    for (const json::value& value : list_at(*answer, "listeners"))
        table.add({"listens", text_at(value.as_object(), "door") + "  " + text_at(value.as_object(), "at")});
    std::fputs(table.separated().c_str(), stdout);
    return exit_code::ok;
}

// A search fills the index by itself; this is for who wants it done now, or does not trust the one there is.
int index_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string what;
    std::string address;
    session.add_options(app);
    app.add_option("what", what, "rebuild")->required()->check(CLI::IsMember({"rebuild"}));
    app.add_option("address", address, "whose")->required();
    if (const auto code = parse_options(app, command_named("index"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    std::optional<Progress> progress;
    std::uint64_t before = 0;
    for (bool anew = true;; anew = false) {
        const Result<json::object> answer =
            session.client->ask("POST", {"accounts", address, "index"}, {{"anew", anew}});
        if (!answer)
            return report(answer.error());
        const std::uint64_t indexed = number_at(*answer, "indexed");
        const std::uint64_t all = number_at(*answer, "all");
        if (!progress && !session.as_json)
            progress.emplace("indexing", all);
        if (progress)
            progress->at(indexed);
        if (indexed >= all) {
            progress.reset();
            if (session.as_json)
                return print_json(*answer), exit_code::ok;
            std::printf("%s\n", fmt::format("{} messages are indexed", all).c_str());
            return exit_code::ok;
        }
        if (indexed == before)
            std::this_thread::sleep_for(100ms);  // a search has the index catch up already
        before = indexed;
    }
}

int check_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    bool audit = false;
    bool verify = false;
    session.add_options(app);
    app.add_flag("--audit", audit, "every accepted message is in a mailbox or queued, and all rows agree");
    app.add_flag("--verify", verify, "and every byte can be read (takes its time)");
    if (const auto code = parse_options(app, command_named("check"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    const Result<json::object> answer = session.client->ask("POST", {"check"}, {{"audit", true}, {"verify", verify}});
    if (!answer)
        return report(answer.error());
    const std::uint64_t faults = number_at(*answer, "faults");
    if (session.as_json) {
        print_json(*answer);
        return faults == 0 ? exit_code::ok : exit_code::data_error;
    }
    for (const json::value& text : list_at(*answer, "texts"))
        std::printf("fault: %s\n", printable(std::string(text.as_string())).c_str());
    std::printf("%s\n",
                fmt::format("{} accounts, {} mailboxes, {} messages, {} queued: {}", number_at(*answer, "accounts"),
                            number_at(*answer, "mailboxes"), number_at(*answer, "messages"),
                            list_at(*answer, "queued").size(),
                            faults == 0 ? "nothing is wrong" : fmt::format("{} faults", faults))
                    .c_str());
    return faults == 0 ? exit_code::ok : exit_code::data_error;
}

int backup_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Session session;
    std::string folder;
    session.add_options(app);
    app.add_option("folder", folder, "where the copy goes; later ones into the same folder share what has not changed")
        ->required();
    if (const auto code = parse_options(app, command_named("backup"), arguments))
        return *code;
    if (const Result<void> opened = session.open(); !opened)
        return report(opened.error());
    const std::string whole = std::filesystem::absolute(folder).lexically_normal().string();
    // Written by the server, which is not root: the folder becomes its user's.
    const Result<User> owner = owner_of(data_folder_of(session.data, session.house));
    if (!owner)
        return report(owner.error());
    if (const Result<void> made = make_data_folder(whole, &*owner); !made)
        return report(made.error());
    const Result<json::object> answer = session.client->ask("POST", {"backup"}, {{"folder", whole}});
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        return print_json(*answer), exit_code::ok;
    std::printf("%s\n", fmt::format("{} in {}", human_bytes(number_at(*answer, "bytes")), whole).c_str());
    return exit_code::ok;
}

int restore_command(std::span<const std::string> arguments)
{
    CLI::App app;
    std::string data;
    std::string backup;
    bool as_json = false;
    app.add_option("backup", backup, "the backup's folder")->required();
    app.add_option("--data", data, "the data folder to make; must hold no store yet")->required();
    app.add_flag("--json", as_json, "one JSON document instead of a sentence");
    if (const auto code = parse_options(app, command_named("restore"), arguments))
        return *code;
    // Root restores for the server's user, to whom the backup belongs.
    const Result<User> owner = owner_of(backup);
    if (!owner)
        return report(owner.error());
    if (const Result<void> made = make_data_folder(data, &*owner); !made)
        return report(made.error());
    const Result<store::BackupReport> restored = store::restore(backup, data + "/store");
    if (!restored)
        return report(restored.error());
    if (const Result<void> given = give_to_owner(data); !given)
        return report(given.error());
    if (as_json)
        print_json({{"files", restored->files}, {"bytes", restored->bytes}});
    else
        std::printf("%s\n", fmt::format("{} restored into {}", human_bytes(restored->bytes), data).c_str());
    return exit_code::ok;
}

}  // namespace posthouse::app
