#include "app/command.h"

#include "app/administration.h"
#include "app/mail_commands.h"
#include "app/queue_commands.h"
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
    Command{"trace", "administration", "what happened to a message, from the first connection to the last recipient",
            "posthouse trace --to bob@north.test --since 1h --dialogue", trace_command},
    Command{"route", "administration", "smarthosts: where mail goes instead of where MX records say",
            "posthouse route add '*' relay.example.net --port 587 --login you", route_command},
    Command{"explain", "administration", "what would happen to a message, and why, without sending one",
            "posthouse explain alice@north.test carol@south.test", explain_command},
    Command{"queue", "administration", "mail that waits: what, why, until when; try again, hold, give up",
            "posthouse queue retry --domain south.test", queue_command},
    Command{"index", "administration", "make an account's full-text index anew",
            "posthouse index rebuild alice@example.org", index_command},
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
    Command{"login", "mail", "who you are: your address, servers and password, tried and kept",
            "posthouse login you@example.org --server mail.example.org", login_command},
    Command{"send", "mail", "write a message", "posthouse send bob@north.test -s Hello --from alice@north.test < text",
            send_command},
    Command{"unsend", "mail", "take back what the server still holds",
            "posthouse unsend 06b1zs3k8gq00 --from alice@north.test", unsend_command},
    Command{"inbox", "mail", "the newest messages", "posthouse inbox --user bob@north.test", inbox_command},
    Command{"search", "mail", "find messages", "posthouse search invoice --from alice --since 2026-11-01",
            search_command},
    Command{"read", "mail", "read messages, save their attachments", "posthouse read 1 --save /tmp", read_command},
    Command{"reply", "mail", "answer a message", "posthouse reply 1 --quote -m 'Yes, gladly.'", reply_command},
    Command{"forward", "mail", "send a message on", "posthouse forward 1 carol@south.test -m 'See below.'",
            forward_command},
    Command{"move", "mail", "put messages into another mailbox", "posthouse move 1-3 Archive", move_command},
    Command{"delete", "mail", "put messages into Trash, or delete them for good", "posthouse delete 2,4",
            delete_command},
    Command{"flag", "mail", "mark messages", "posthouse flag 1 --star --read", flag_command},
    Command{"folders", "mail", "your mailboxes, and how much is in them", "posthouse folders", folders_command},
    Command{"watch", "mail", "show messages as they come in", "posthouse watch", watch_command},
    Command{"test", "mail", "hold an SMTP conversation and show every line of it",
            "posthouse test bob@north.test --server 127.0.0.1:2525", test_command},
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

// A bug is told as one, with its exit code.
template <class Run> int run_guarded(Run run)
{
    try {
        return run();
    } catch (const std::exception& bug) {
        std::fprintf(stderr, "posthouse: a bug: %s\n", printable(bug.what()).c_str());
        return exit_code::software;
    }
}

}  // namespace

std::span<const Command> commands() { return table; }

int main_command(int argc, char** argv)
{
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
        is_other_program(name))
        return run_guarded([&] { return run_as_other_program(name, words); });
    if (words.empty() || words[0] == "help" || words[0] == "--help" || words[0] == "-h") {
        print_help();
        return words.empty() ? exit_code::usage : exit_code::ok;
    }
    if (words[0] == "--version") {
        std::printf("posthouse %s\n", std::string(version).c_str());
        return exit_code::ok;
    }
    for (const Command& command : commands())
        if (command.name == words[0])
            return run_guarded([&] { return command.run(std::span(words).subspan(1)); });
    std::fprintf(stderr, "posthouse: there is no command \"%s\". posthouse help lists them.\n",
                 printable(words[0]).c_str());
    return exit_code::usage;
}

}  // namespace posthouse::app
