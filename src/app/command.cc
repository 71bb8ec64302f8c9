#include "app/command.h"

#include "app/administration.h"
#include "app/server_commands.h"
#include "app/version.h"
#include "base/terminal.h"
#include "base/text.h"

#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>

#include <fmt/format.h>

namespace posthouse::app {

namespace {

constexpr std::array table{
    Command{"lab", "server", "a house on this machine alone, to learn and test with", "posthouse lab", lab_command},
    Command{"serve", "server", "run a server by its settings file",
            "posthouse serve --config /etc/posthouse/posthouse.toml", serve_command},
    Command{"status", "administration", "how the server is, and where it listens", "posthouse status --json",
            status_command},
    Command{"domain", "administration", "the domains we take mail for", "posthouse domain add example.org",
            domain_command},
    Command{"account", "administration", "the people who live here",
            "posthouse account add alice@example.org --name 'Alice'", account_command},
    Command{"alias", "administration", "addresses that lead to others",
            "posthouse alias add sales@example.org alice@example.org bob@example.org", alias_command},
    Command{"check", "administration", "prove that every accepted message is there, and every byte readable",
            "posthouse check --audit --verify", check_command},
    Command{"backup", "administration", "a copy of everything, taken while the server runs",
            "posthouse backup /backup/monday", backup_command},
    Command{"restore", "administration", "a data folder from a backup",
            "posthouse restore /backup/monday --data /var/lib/posthouse", restore_command},
    Command{"import", "administration", "mail from a Maildir or an mbox",
            "posthouse import alice@example.org ~/Maildir", import_command},
    Command{"export", "administration", "mail to a Maildir or an mbox", "posthouse export alice@example.org /tmp/alice",
            export_command},
};

void print_help()
{
    const bool colour = wants_colour(stdout);
    std::string text =
        "Posthouse carries e-mail the whole way: from the person who writes it to the person who reads it.\n";
    std::string_view group;
    for (const Command& command : commands()) {
        if (command.group != group)
            text += "\n" + styled(command.group, Style::bold, colour) + "\n";
        group = command.group;
        text += fmt::format("  {:<10} {}\n", command.name, command.summary);
    }
    text += "\nposthouse COMMAND --help tells more, with an example.\n";
    std::fputs(text.c_str(), stdout);
}

}  // namespace

std::span<const Command> commands() { return table; }

int main_command(int argc, char** argv)
{
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (words.empty() || words[0] == "help" || words[0] == "--help" || words[0] == "-h") {
        print_help();
        return words.empty() ? exit_code::usage : exit_code::ok;
    }
    if (words[0] == "--version") {
        std::printf("posthouse %s\n", std::string(version).c_str());
        return exit_code::ok;
    }
    for (const Command& command : commands())
        if (command.name == words[0]) {
            try {
                return command.run(std::span(words).subspan(1));
            } catch (const std::exception& bug) {
                std::fprintf(stderr, "posthouse: a bug: %s\n", printable(bug.what()).c_str());
                return exit_code::software;
            }
        }
    std::fprintf(stderr, "posthouse: there is no command \"%s\". posthouse help lists them.\n",
                 printable(words[0]).c_str());
    return exit_code::usage;
}

}  // namespace posthouse::app
