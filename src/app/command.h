// The command line: one table of commands; help, completion and manual pages come from it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::app {

// sysexits(3), so that scripts can tell.
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 64;
inline constexpr int data_error = 65;
inline constexpr int no_user = 67;
inline constexpr int unavailable = 69;
inline constexpr int software = 70;
inline constexpr int cannot_create = 73;
inline constexpr int io_error = 74;
inline constexpr int try_again = 75;
inline constexpr int not_permitted = 77;
inline constexpr int bad_settings = 78;
}  // namespace exit_code

struct Command {
    std::string_view name;
    std::string_view group;  // "server", "administration", "mail"
    std::string_view summary;  // one line, begins in lower case
    std::string_view example;  // a whole line to try
    int (*run)(std::span<const std::string> arguments);  // without program and command name
};

// All commands, in the order of help.
std::span<const Command> commands();

int main_command(int argc, char** argv);

}  // namespace posthouse::app
