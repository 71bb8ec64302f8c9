// posthouse serve: a real server, by its settings file, in the foreground, until SIGTERM.
#include "app/house.h"
#include "app/options.h"
#include "app/process.h"
#include "app/server_commands.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace {

// Root is needed to bind ports below 1024 and for nothing else.
std::optional<std::string> fault_of_user(const Settings& settings)
{
    if (is_root() && settings.user.empty())
        return "serve was started as root, and the settings name no user to become after the ports are bound.\n"
               "Make one and name it:\n"
               "    useradd --system --home-dir " +
            settings.data +
            " posthouse\n"
            "    user = \"posthouse\"          in the settings file";
    if (is_root() && settings.user == "root")
        return "user = \"root\" is refused: the server must not keep root after its ports are bound";
    return std::nullopt;
}

}  // namespace

int serve_command(std::span<const std::string> arguments)
{
    CLI::App app;
    std::string file = "/etc/posthouse/posthouse.toml";
    bool only_check = false;
    app.add_option("--config", file, "the settings file");
    app.add_flag("--check", only_check, "read the settings, say what is wrong with them, and end");
    if (const auto code = parse_options(app, command_named("serve"), arguments))
        return *code;
    const Result<Settings> settings = read_settings(file);
    if (!settings) {
        report(settings.error());
        return exit_code::bad_settings;
    }
    if (only_check) {
        std::printf("%s is fine\n", file.c_str());
        return exit_code::ok;
    }
    if (const std::optional<std::string> fault = fault_of_user(*settings)) {
        std::fprintf(stderr, "posthouse: %s\n", fault->c_str());
        return exit_code::bad_settings;
    }
    prepare_process();
    block_signals();
    const std::unique_ptr<Log> log = make_log(settings->log_level, settings->log_format, settings->log_file);
    const Result<std::unique_ptr<House>> house = House::open(*settings, *log);
    if (!house)
        return report(house.error());
    for (const House::Listening& port : (*house)->listening())
        log->write(LogLevel::info, "app", 0, "listening",
                   {{"door", std::string(name_of(port.door))}, {"at", port.at.text()}});
    (*house)->run_until_told();
    return exit_code::ok;
}

}  // namespace posthouse::app
