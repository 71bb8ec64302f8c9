// posthouse lab: a house on loopback with two people in it, to learn and to test with.
#include "app/admin_client.h"
#include "app/house.h"
#include "app/lab_identities.h"
#include "app/options.h"
#include "app/process.h"
#include "app/server_commands.h"
#include "base/terminal.h"

#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace {

constexpr std::string_view domain = "north.test";
constexpr std::string_view lab_password = "posthouse";
constexpr int certificate_days = 3650;

struct Port {
    Door door;
    std::uint16_t number;
    std::string_view what_for;
};
constexpr std::array ports{
    Port{Door::smtp, 2525, "mail from other servers"}, Port{Door::submission, 2587, "mail from its people, STARTTLS"},
    Port{Door::submissions, 2465, "the same, TLS"},    Port{Door::imap, 2143, "mailboxes, STARTTLS"},
    Port{Door::imaps, 2993, "the same, TLS"},          Port{Door::pop3, 2110, "download, STLS"},
    Port{Door::pop3s, 2995, "the same, TLS"},
};

Settings lab_settings(const std::string& data, bool any_ports, LogLevel level)
{
    Settings settings;
    settings.hostname = domain;
    settings.data = data;
    settings.log_level = level;
    settings.log_file = data + "/lab.log";
    settings.certificates.push_back({data + "/certificate.pem", data + "/key.pem"});
    for (const Port& port : ports)
        settings.listen.push_back({port.door, "127.0.0.1", any_ports ? std::uint16_t{0} : port.number});
    return settings;
}

Result<void> make_certificate(const net::TlsContext::Files& files)
{
    std::error_code error;
    if (std::filesystem::exists(files.certificate, error) && std::filesystem::exists(files.key, error))
        return {};
    return net::make_self_signed({std::string(domain), "mail.north.test", "localhost", "127.0.0.1"}, files,
                                 certificate_days);
}

std::vector<LabPerson> lab_people() { return {{"alice@north.test", "Alice North"}, {"bob@north.test", "Bob North"}}; }

// The domain and its people, where they are not there yet.
Task<Result<void>> settle(directory::Directory& directory, mailbox::Mailboxes& mailboxes)
{
    const auto fine = [](const auto& result) { return result || result.error() == ErrorCode::already_exists; };
    const Result<void> added = co_await directory.add_domain(std::string(domain));
    if (!fine(added))
        co_return added;
    const std::vector<LabPerson> people = lab_people();
    for (const LabPerson& person : people) {
        const Result<directory::Account> account =
            co_await directory.add_account(person.address, std::string(lab_password), person.name);
        if (!fine(account))
            co_return fail(account.error());
        if (!account)
            continue;
        const Result<void> founded = co_await mailboxes.found(account->id);
        if (!founded)
            co_return founded;
    }
    co_return Result<void>{};
}

void welcome(const House& house, const std::string& data)
{
    const bool colour = wants_colour(stdout);
    std::string text = styled("Posthouse lab: north.test, a house on this machine alone\n\n", Style::bold, colour);
    for (const House::Listening& listening : house.listening())
        for (const Port& port : ports)
            if (port.door == listening.door)
                text += fmt::format("  {:<12} {:<17} {}\n", name_of(port.door), listening.at.text(), port.what_for);
    std::uint16_t smtp = 0;
    for (const House::Listening& listening : house.listening())
        if (listening.door == Door::smtp)
            smtp = listening.at.port;
    text +=
        fmt::format("\n  People       alice@{0} and bob@{0}, password {1}\n"
                    "  Data         {2}   (log: lab.log)\n"
                    "\nTry, in another terminal:\n\n"
                    "  {3}\n"
                    "  {4}\n"
                    "  {5}\n"
                    "\nCtrl-C ends it. The mail stays.\n",
                    domain, lab_password, data,
                    styled("echo 'Hello Bob' | build/posthouse send bob@north.test -s Hello --from alice@north.test",
                           Style::green, colour),
                    styled("build/posthouse inbox --user bob@north.test", Style::green, colour),
                    styled(fmt::format("nc -C 127.0.0.1 {}", smtp), Style::green, colour) + "      and type: ehlo me");
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

}  // namespace

int lab_command(std::span<const std::string> arguments)
{
    CLI::App app;
    std::string data;
    bool any_ports = false;
    bool debug = false;
    bool unsafe_plaintext = false;
    bool unsafe_no_sync = false;
    app.add_option("--data", data, "the folder for its mail (else " + lab_folder() + ")");
    app.add_flag("--any-ports", any_ports, "ports that the system chooses; `posthouse status` tells them");
    app.add_flag("--debug", debug, "a log with every detail");
    app.add_flag("--unsafe-plaintext-login", unsafe_plaintext, "take passwords before TLS, for measuring");
    app.add_flag("--unsafe-no-sync", unsafe_no_sync, "do not wait for the disk: a power cut loses mail");
    if (const auto code = parse_options(app, command_named("lab"), arguments))
        return *code;
    if (data.empty())
        data = lab_folder();
    prepare_process();
    block_signals();
    if (const Result<void> made = make_data_folder(data, nullptr); !made)
        return report(made.error());
    Settings settings = lab_settings(data, any_ports, debug ? LogLevel::debug : LogLevel::info);
    settings.unsafe_plaintext_login = unsafe_plaintext;
    settings.unsafe_no_sync = unsafe_no_sync;
    if (const Result<void> made = make_certificate(settings.certificates.front()); !made)
        return report(made.error());
    const std::unique_ptr<Log> log = make_log(settings.log_level, settings.log_format, settings.log_file);
    const Result<std::unique_ptr<House>> house = House::open(settings, *log);
    if (!house)
        return report(house.error());
    Household& household = (*house)->household();
    if (const Result<void> settled = household.run(settle(household.directory(), household.mailboxes())); !settled)
        return report(settled.error());
    const std::string where = std::filesystem::absolute(data).string();
    if (const Result<void> told =
            write_lab_identities(**house, data, where + "/certificate.pem", lab_people(), std::string(lab_password));
        !told)
        return report(told.error());
    welcome(**house, data);
    (*house)->run_until_told();
    std::printf("\nStopped; the mail stays in %s\n", data.c_str());
    return exit_code::ok;
}

}  // namespace posthouse::app
