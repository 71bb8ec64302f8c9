#include "app/options.h"

#include "base/text.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

const Command& command_named(std::string_view name)
{
    for (const Command& command : commands())
        if (command.name == name)
            return command;
    std::abort();
}

std::optional<int> parse_options(CLI::App& app, const Command& command, std::span<const std::string> arguments)
{
    app.name("posthouse " + std::string(command.name));
    app.description(std::string(command.summary));
    app.footer("Example:\n  " + std::string(command.example));
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(std::move(reversed));
        return std::nullopt;
    } catch (const CLI::CallForHelp&) {
        // With subcommands the help asked for may be theirs.
        const CLI::App* asked = &app;
        for (const CLI::App* sub : app.get_subcommands())
            asked = sub;
        std::fputs(asked->help().c_str(), stdout);
        if (asked != &app)
            std::printf("\nExample:\n  %s\n", std::string(command.example).c_str());
        return exit_code::ok;
    } catch (const CLI::ParseError& wrong) {
        std::fprintf(stderr, "posthouse %s: %s\nTry: posthouse %s --help\n", std::string(command.name).c_str(),
                     printable(wrong.what()).c_str(), std::string(command.name).c_str());
        return exit_code::usage;
    }
}

int report(const Error& error)
{
    const std::string text = error.text.empty() ? std::string(to_string(error.code)) : printable(error.text, 4000);
    std::fprintf(stderr, "posthouse: %s\n", text.c_str());
    switch (error.code) {
    case ErrorCode::malformed: return exit_code::data_error;
    case ErrorCode::not_found: return exit_code::no_user;
    case ErrorCode::not_permitted: return exit_code::not_permitted;
    case ErrorCode::already_exists:
    case ErrorCode::conflict: return exit_code::cannot_create;
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::closed:
    case ErrorCode::cancelled: return exit_code::unavailable;
    case ErrorCode::no_space:
    case ErrorCode::limit:
    case ErrorCode::over_quota: return exit_code::try_again;
    case ErrorCode::tls: return exit_code::bad_settings;
    case ErrorCode::corrupt:
    case ErrorCode::io: return exit_code::io_error;
    default: return exit_code::failed;
    }
}

}  // namespace posthouse::app
