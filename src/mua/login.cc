// login: servers and password of an identity, tried and then kept.
#include "base/terminal.h"
#include "base/text.h"
#include "message/address.h"
#include "mua/commands.h"
#include "mua/summary.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

int list_identities(const Desk& desk, const Identities& identities, const Identities& all)
{
    boost::json::array rows;
    Table table({{"Address", Align::left, true}, {"Name", Align::left, true}, {"IMAP"}, {"Submission"}, {""}});
    for (const Identity& identity : all.list) {
        const bool is_standard = equals_ignoring_case(identity.address, identities.standard);
        table.add({identity.address, identity.name, identity.imap.text(), identity.submission.text(),
                   identity.in_lab   ? "lab"
                       : is_standard ? "default"
                                     : ""});
        rows.push_back({{"email", json_text(identity.address)},
                        {"name", json_text(identity.name)},
                        {"imap", json_text(identity.imap.text())},
                        {"submission", json_text(identity.submission.text())},
                        {"default", is_standard},
                        {"lab", identity.in_lab}});
    }
    if (desk.choice().as_json)
        std::fputs(json_document({{"list", std::move(rows)}}).c_str(), stdout);
    else if (!table.empty())
        table.print(stdout);
    return 0;
}

Result<std::string> read_login_password(const std::string& address)
{
    if (const char* given = std::getenv("POSTHOUSE_PASSWORD"); given != nullptr && *given != '\0')
        return std::string(given);
    Result<std::string> password = read_password(fmt::format("Password of {}", printable(address, 200)));
    if (password && password->empty())
        return fail(ErrorCode::malformed, "the password is empty");
    return password;
}

Result<void> set_server(ServerAt& at, const std::string& given)
{
    if (given.empty())
        return {};
    Result<ServerAt> parsed = parse_server(given);
    if (!parsed)
        return fail(parsed.error());
    at = std::move(*parsed);
    return {};
}

// What is known of the address already, then what the options say.
Result<Identity> identity_for(const Desk& desk, const LoginOptions& options, const Identities& all)
{
    Identity identity;
    if (const Identity* known = all.find(options.address))
        identity = *known;
    const Choice& choice = desk.choice();
    identity.address = options.address;
    identity.password.clear();
    identity.in_lab = false;
    if (!options.name.empty())
        identity.name = options.name;
    if (!choice.user.empty())
        identity.user = equals_ignoring_case(choice.user, options.address) ? "" : choice.user;
    if (!choice.server.empty()) {
        const Result<ServerAt> server = parse_server(choice.server);
        if (!server)
            return fail(server.error());
        identity.certificate.clear();
        identity.imap = identity.pop3 = identity.submission = {.host = server->host};
        (choice.pop3 ? identity.pop3 : identity.imap) = *server;
    }
    for (const auto& [at, given] : {std::pair(&identity.imap, &options.imap), std::pair(&identity.pop3, &options.pop3),
                                    std::pair(&identity.submission, &options.submission)})
        if (const Result<void> set = set_server(*at, *given); !set)
            return fail(set.error());
    if (!choice.tls.empty()) {
        const std::optional<Security> security = parse_security(choice.tls);
        if (!security)
            return fail(ErrorCode::malformed, "--tls is automatic, tls, starttls or none");
        (choice.pop3 ? identity.pop3 : identity.imap).security = *security;
        if (*security == Security::none)
            identity.submission.security = *security;
    }
    if (!options.certificate.empty())
        identity.certificate = options.certificate;
    if (!(choice.pop3 ? identity.pop3 : identity.imap).known())
        return fail(
            ErrorCode::malformed,
            fmt::format("which server? posthouse login {} --server mail.example.org", printable(options.address, 200)));
    return identity;
}

Task<Result<void>> try_mailbox(Desk& desk, Identity identity)
{
    if (desk.choice().pop3) {
        const Result<std::unique_ptr<pop3::Client>> client = co_await desk.open_pop3(std::move(identity));
        if (!client)
            co_return fail(client.error());
        co_return co_await (*client)->quit();
    }
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(std::move(identity));
    if (!client)
        co_return fail(client.error());
    co_return co_await (*client)->log_out();
}

Result<int> forget(const std::string& file, Identities identities, const std::string& address)
{
    if (std::erase_if(identities.list,
                      [&](const Identity& one) { return equals_ignoring_case(one.address, address); }) == 0)
        return fail(ErrorCode::not_found, fmt::format("{} is not logged in", printable(address, 200)));
    if (equals_ignoring_case(identities.standard, address))
        identities.standard.clear();
    const Result<void> written = write_identities(file, identities);
    return written ? Result<int>(0) : fail(written.error());
}

}  // namespace

Task<Outcome> log_in(Desk& desk, LoginOptions options)
{
    const std::string file = own_identities_file();
    Result<Identities> own = read_identities(file);
    if (!own)
        co_return fail(own.error());
    const Result<Identities> all = desk.everybody();
    if (!all)
        co_return fail(all.error());
    if (options.list)
        co_return list_identities(desk, *own, *all);
    if (options.forget)
        co_return forget(file, std::move(*own), options.address);
    if (const Result<message::AddrSpec> spec = message::parse_addr_spec(options.address); !spec)
        co_return fail(spec.error());
    Result<Identity> identity = identity_for(desk, options, *all);
    if (!identity)
        co_return fail(identity.error());

    Result<std::string> password = read_login_password(options.address);
    if (!password)
        co_return fail(password.error());
    desk.use_password(*password);
    const Result<void> entered = co_await try_mailbox(desk, *identity);
    if (!entered)
        co_return fail(entered.error());
    const Result<std::unique_ptr<smtp::Client>> submission = co_await desk.open_submission(*identity);
    if (submission)
        co_await (*submission)->quit();
    identity->password = std::move(*password);

    if (Identity* known = own->find(options.address))
        *known = *identity;
    else
        own->list.push_back(*identity);
    if (own->standard.empty() || options.make_standard)
        own->standard = options.address;
    if (const Result<void> written = write_identities(file, *own); !written)
        co_return fail(written.error());
    if (desk.choice().as_json)
        std::fputs(json_document({{"email", json_text(identity->address)},
                                  {"canSend", submission.has_value()},
                                  {"default", own->standard == options.address}})
                       .c_str(),
                   stdout);
    else if (is_terminal(stdout))
        std::printf("Logged in as %s. Kept in %s, readable by you alone.\n", printable(identity->login(), 200).c_str(),
                    file.c_str());
    if (!submission)
        std::fprintf(stderr, "posthouse: reading works, sending does not yet: %s\n",
                     printable(submission.error().text, 1000).c_str());
    co_return 0;
}

}  // namespace posthouse::mua
