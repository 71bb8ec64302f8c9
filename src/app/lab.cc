// posthouse lab: two houses on loopback with two people each, and an Internet between them, to learn and to test with.
#include "app/admin_client.h"
#include "app/house.h"
#include "app/lab_identities.h"
#include "app/lab_internet.h"
#include "app/lab_plan.h"
#include "app/lab_screen.h"
#include "app/options.h"
#include "app/process.h"
#include "app/server_commands.h"
#include "base/random.h"
#include "base/terminal.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace {

constexpr int certificate_days = 3650;
constexpr int most_tries = 5;  // to find a port that is free on all addresses

struct LabOptions {
    std::string folder;  // the houses' folders are in it
    bool any_ports = false;
    bool debug = false;
    bool unsafe_plaintext = false;
    bool unsafe_no_sync = false;
};

std::string trace_key(const LabOptions& options) { return options.folder + "/trace.key"; }

Settings lab_settings(const LabHousePlan& plan, const LabOptions& options, const LabInternet& internet)
{
    Settings settings;
    settings.hostname = plan.domain;
    settings.data = fmt::format("{}/{}", options.folder, plan.name);
    settings.log_level = options.debug ? LogLevel::debug : LogLevel::info;
    settings.log_file = settings.data + "/lab.log";
    settings.unsafe_plaintext_login = options.unsafe_plaintext;
    settings.unsafe_no_sync = options.unsafe_no_sync;
    settings.certificates.push_back({settings.data + "/certificate.pem", settings.data + "/key.pem"});
    settings.relay_port = internet.smtp_port();
    const net::Endpoint dns{"127.0.0.1", internet.dns_port()};
    settings.resolver.stubs = {{"test", dns}, {"127.in-addr.arpa", dns}};
    settings.resolver.trust_anchor = "none";
    for (const LabPort& port : lab_ports()) {
        const std::uint16_t number = port.door == Door::smtp ? internet.smtp_port()
            : options.any_ports                              ? std::uint16_t{0}
                                                             : port.number;
        settings.listen.push_back({port.door, std::string(plan.address), number});
    }
    for (const LabHousePlan& other : lab_houses())  // a trace goes on where the message went
        if (other.name != plan.name)
            settings.trace_peers.push_back({std::string(other.domain),
                                            "unix:" + socket_path(fmt::format("{}/{}", options.folder, other.name)),
                                            trace_key(options)});
    return settings;
}

// What the houses prove to each other that they may see a message's journey.
Result<void> make_trace_key(const LabOptions& options)
{
    std::error_code error;
    if (std::filesystem::exists(trace_key(options), error))
        return {};
    SystemRandom random;
    std::string key;
    for (int i = 0; i < 4; ++i)
        key += fmt::format("{:016x}", random.number());
    std::ofstream file(trace_key(options));
    file << key << std::endl;
    if (!file)
        return fail(ErrorCode::io, "cannot write " + trace_key(options));
    using enum std::filesystem::perms;
    std::filesystem::permissions(trace_key(options), owner_read | owner_write, error);
    return {};
}

Result<void> make_certificate(const LabHousePlan& plan, const net::TlsContext::Files& files)
{
    std::error_code error;
    if (std::filesystem::exists(files.certificate, error) && std::filesystem::exists(files.key, error))
        return {};
    const std::string domain(plan.domain);
    return net::make_self_signed({domain, "mx." + domain, "mail." + domain, "localhost", std::string(plan.address)},
                                 files, certificate_days);
}

// The domain and its people, where they are not there yet.
Task<Result<void>> settle(directory::Directory& directory, mailbox::Mailboxes& mailboxes, const LabHousePlan& plan)
{
    const auto fine = [](const auto& result) { return result || result.error() == ErrorCode::already_exists; };
    const Result<void> added = co_await directory.add_domain(std::string(plan.domain));
    if (!fine(added))
        co_return added;
    for (const LabPerson& person : plan.people) {
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

// Everything that runs, and the order in which it goes down: first the houses, then the Internet.
struct Lab {
    std::vector<std::unique_ptr<Log>> logs;
    std::unique_ptr<LabInternet> internet;
    std::vector<std::unique_ptr<House>> houses;
};

Result<std::unique_ptr<House>> open_house(const LabHousePlan& plan, const Settings& settings, Log& log)
{
    if (const Result<void> made = make_certificate(plan, settings.certificates.front()); !made)
        return fail(made.error());
    Result<std::unique_ptr<House>> house = House::open(settings, log);
    if (!house)
        return house;
    Household& household = (*house)->household();
    if (const Result<void> settled = household.run(settle(household.directory(), household.mailboxes(), plan));
        !settled)
        return fail(settled.error());
    return house;
}

Result<Lab> open_lab(const LabOptions& options)
{
    Lab lab;
    for (const LabHousePlan& plan : lab_houses()) {
        const std::string folder = fmt::format("{}/{}", options.folder, plan.name);
        if (const Result<void> made = make_data_folder(folder, nullptr); !made)
            return fail(made.error());
        lab.logs.push_back(
            make_log(options.debug ? LogLevel::debug : LogLevel::info, LogFormat::text, folder + "/lab.log"));
    }
    if (const Result<void> made = make_trace_key(options); !made)
        return fail(made.error());
    Result<std::unique_ptr<LabInternet>> internet = LabInternet::start(options.any_ports, *lab.logs.front());
    if (!internet)
        return fail(internet.error());
    lab.internet = std::move(*internet);
    for (std::size_t i = 0; i < lab_houses().size(); ++i) {
        const LabHousePlan& plan = lab_houses()[i];
        Result<std::unique_ptr<House>> house =
            open_house(plan, lab_settings(plan, options, *lab.internet), *lab.logs[i]);
        if (!house)
            return fail(house.error());
        lab.houses.push_back(std::move(*house));
    }
    return lab;
}

// Somebody may take a house's port after the Internet has found it free elsewhere.
Result<Lab> open_lab_somewhere(const LabOptions& options)
{
    for (int tries = 1;; ++tries) {
        Result<Lab> lab = open_lab(options);
        const bool taken = !lab && lab.error() == ErrorCode::already_exists;
        if (!taken || !options.any_ports || tries == most_tries)
            return lab;
    }
}

void run_until_told(Lab& lab)
{
    for (;;) {
        const Wish wish = wait_for_signal();
        for (const std::unique_ptr<House>& house : lab.houses)
            switch (wish) {
            case Wish::look: house->reload_changed(); break;
            case Wish::reload: house->reload(); break;
            case Wish::stop: house->stop(); break;
            }
        if (wish == Wish::stop)
            return;
    }
}

}  // namespace

int lab_command(std::span<const std::string> arguments)
{
    CLI::App app;
    LabOptions options;
    app.add_option("--data", options.folder, "the folder for its mail (else " + lab_folder() + ")");
    app.add_flag("--any-ports", options.any_ports, "ports that the system chooses; `posthouse status` tells them");
    app.add_flag("--debug", options.debug, "a log with every detail");
    app.add_flag("--unsafe-plaintext-login", options.unsafe_plaintext, "take passwords before TLS, for measuring");
    app.add_flag("--unsafe-no-sync", options.unsafe_no_sync, "do not wait for the disk: a power cut loses mail");
    if (const auto code = parse_options(app, command_named("lab"), arguments))
        return *code;
    const bool usual_folder = options.folder.empty();
    options.folder = std::filesystem::absolute(usual_folder ? lab_folder() : options.folder).string();
    prepare_process();
    block_signals();
    Result<Lab> lab = open_lab_somewhere(options);
    if (!lab)
        return report(lab.error());
    if (const Result<void> told = write_lab_identities(lab->houses, options.folder); !told)
        return report(told.error());
    std::fputs(
        lab_screen(lab->houses, lab->internet->dns_port(), options.folder, usual_folder, wants_colour(stdout)).c_str(),
        stdout);
    std::fflush(stdout);
    run_until_told(*lab);
    std::printf("\nStopped; the mail stays in %s\n", options.folder.c_str());
    return exit_code::ok;
}

}  // namespace posthouse::app
