// What every command's options have in common, over CLI11.
#pragma once

#include "app/command.h"
#include "base/result.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace posthouse::app {

// Parses `arguments` by `app`; help is printed with the command's example. nullopt: parsed, go on;
// else the exit code.
std::optional<int> parse_options(CLI::App& app, const Command& command, std::span<const std::string> arguments);

// The command of a name; it is in the table.
const Command& command_named(std::string_view name);

// "posthouse: …" on standard error, and the exit code that fits.
int report(const Error& error);

}  // namespace posthouse::app
