#include "app/admin_session.h"

#include "app/options.h"

#include <cstdio>

#include <CLI/CLI.hpp>

namespace posthouse::app {

namespace json = boost::json;

void Session::add_options(CLI::App& app)
{
    app.add_option("--data", data, "the data folder (else POSTHOUSE_DATA, /var/lib/posthouse, the lab's)");
    app.add_option("--house", house, "which house of the lab: north (the first) or south");
    app.add_flag("--json", as_json, "one JSON document instead of a table");
}

Result<void> Session::open()
{
    Result<std::unique_ptr<AdminClient>> opened = open_admin(data_folder_of(data, house));
    if (!opened)
        return fail(opened.error());
    client = std::move(*opened);
    return {};
}

std::string text_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    if (value == nullptr || value->is_null())
        return "";
    if (value->is_string())
        return std::string(value->as_string());
    if (value->is_bool())
        return value->as_bool() ? "yes" : "no";
    return json::serialize(*value);
}

std::uint64_t number_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    boost::system::error_code error;
    return value == nullptr ? 0 : value->to_number<std::uint64_t>(error);
}

const json::array& list_at(const json::object& object, std::string_view name)
{
    static const json::array none;
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->as_array() : none;
}

void print_json(const json::object& document) { std::printf("%s\n", json::serialize(document).c_str()); }

// Asks, prints `done` (or the document) and answers the exit code.
int ask_and_say(Session& session, std::string method, std::vector<std::string> path, const json::object& body,
                const std::string& done)
{
    const Result<json::object> answer = session.client->ask(std::move(method), std::move(path), body);
    if (!answer)
        return report(answer.error());
    if (session.as_json)
        print_json(*answer);
    else
        std::printf("%s\n", done.c_str());
    return exit_code::ok;
}

}  // namespace posthouse::app
