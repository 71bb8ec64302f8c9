// What the administration commands have in common: how they reach the house, and reading its answers.
#pragma once

#include "app/admin_client.h"

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace posthouse::app {

// What one run of an administration command works with.
struct Session {
    std::string data;
    std::string house;  // of the lab
    bool as_json = false;
    std::unique_ptr<AdminClient> client;

    void add_options(CLI::App& app);
    Result<void> open();
};

// Members of an answer; what is not there is empty.
std::string text_at(const boost::json::object& object, std::string_view name);
std::uint64_t number_at(const boost::json::object& object, std::string_view name);
const boost::json::array& list_at(const boost::json::object& object, std::string_view name);

void print_json(const boost::json::object& document);

// Asks, prints `done` (or the document) and answers the exit code.
int ask_and_say(Session& session, std::string method, std::vector<std::string> path, const boost::json::object& body,
                const std::string& done);

}  // namespace posthouse::app
