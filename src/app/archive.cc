// import and export: mail from and to Maildir and mbox, message by message over the operator's API.
#include "app/admin_client.h"
#include "app/administration.h"
#include "app/mail_files.h"
#include "app/options.h"
#include "base/terminal.h"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

Result<void> import_one(AdminClient& client, const std::string& account, MailFile mail)
{
    net::HttpRequest request;
    request.method = "POST";
    request.path = {"v1", "accounts", account, "messages"};
    request.content_type = "message/rfc822";
    request.query = {{"mailbox", mail.mailbox}, {"flags", fmt::format("{}", fmt::join(mail.flags, ","))}};
    if (mail.date != WallTime{})
        request.query["date"] = std::to_string(mail.date.time_since_epoch().count());
    request.body = std::move(mail.bytes);
    const Result<net::HttpResponse> response = client.call(std::move(request));
    if (!response)
        return fail(response.error());
    if (response->status >= 400)
        return fail(response->status == 507 ? ErrorCode::over_quota : ErrorCode::malformed, response->body);
    return {};
}

// Every message of one mailbox, page by page.
Result<std::uint64_t> export_mailbox(AdminClient& client, const std::string& account, const std::string& mailbox,
                                     MailWriter& out)
{
    std::uint64_t written = 0;
    std::uint64_t after = 0;
    for (;;) {
        const Result<json::object> page = client.ask("GET", {"accounts", account, "messages"}, {},
                                                     {{"mailbox", mailbox}, {"after", std::to_string(after)}});
        if (!page)
            return fail(page.error());
        const json::array& messages = page->at("messages").as_array();
        if (messages.empty())
            return written;
        for (const json::value& value : messages) {
            const json::object& row = value.as_object();
            net::HttpRequest request;
            request.method = "GET";
            request.path = {"v1", "accounts", account, "messages", std::string(row.at("id").as_string())};
            const Result<net::HttpResponse> bytes = client.call(std::move(request));
            if (!bytes)
                return fail(bytes.error());
            if (bytes->status >= 400)
                return fail(ErrorCode::corrupt, bytes->body);
            MailFile mail;
            mail.mailbox = mailbox;
            mail.date = WallTime{Duration{row.at("receivedAt").to_number<std::int64_t>()}};
            for (const json::value& flag : row.at("flags").as_array())
                mail.flags.emplace_back(flag.as_string());
            mail.bytes = bytes->body;
            const Result<void> saved = out.write(mail);
            if (!saved)
                return fail(saved.error());
            after = row.at("uid").to_number<std::uint64_t>();
            ++written;
        }
    }
}

}  // namespace

int import_command(std::span<const std::string> arguments)
{
    CLI::App app;
    std::string data;
    std::string house;
    std::string account;
    std::string path;
    std::string mailbox = "INBOX";
    app.add_option("account", account, "whose mail it becomes")->required();
    app.add_option("path", path, "a Maildir folder or an mbox file")->required();
    app.add_option("--mailbox", mailbox, "where the Maildir's top or the mbox goes");
    app.add_option("--data", data, "the data folder");
    app.add_option("--house", house, "which house of the lab: north (the first) or south");
    if (const auto code = parse_options(app, command_named("import"), arguments))
        return *code;
    const Result<MailFormat> format = format_of(path);
    if (!format)
        return report(format.error());
    const Result<std::unique_ptr<AdminClient>> client = open_admin(data_folder_of(data, house));
    if (!client)
        return report(client.error());
    std::uint64_t count = 0;
    const TakeMail take = [&](MailFile mail) {
        const Result<void> imported = import_one(**client, account, std::move(mail));
        count += imported ? 1 : 0;
        return imported;
    };
    const Result<void> read =
        *format == MailFormat::maildir ? read_maildir(path, mailbox, take) : read_mbox(path, mailbox, take);
    std::printf("%s\n", fmt::format("{} messages imported for {}", count, account).c_str());
    return read ? exit_code::ok : report(read.error());
}

int export_command(std::span<const std::string> arguments)
{
    CLI::App app;
    std::string data;
    std::string house;
    std::string account;
    std::string path;
    std::string mailbox;
    bool as_mbox = false;
    app.add_option("account", account, "whose mail")->required();
    app.add_option("path", path, "a Maildir folder to make or add to; with --mbox a file")->required();
    app.add_option("--mailbox", mailbox, "only this one; else all");
    app.add_flag("--mbox", as_mbox, "one mbox file a mailbox, instead of a Maildir");
    app.add_option("--data", data, "the data folder");
    app.add_option("--house", house, "which house of the lab: north (the first) or south");
    if (const auto code = parse_options(app, command_named("export"), arguments))
        return *code;
    const Result<std::unique_ptr<AdminClient>> client = open_admin(data_folder_of(data, house));
    if (!client)
        return report(client.error());
    const Result<json::object> all = (*client)->ask("GET", {"accounts", account, "mailboxes"});
    if (!all)
        return report(all.error());
    const Result<std::unique_ptr<MailWriter>> out = as_mbox ? write_mbox(path) : write_maildir(path);
    if (!out)
        return report(out.error());
    std::uint64_t count = 0;
    const json::array& mailboxes = all->at("mailboxes").as_array();
    bool found = mailbox.empty();
    for (const json::value& value : mailboxes) {
        const std::string name(value.as_object().at("name").as_string());
        if (!mailbox.empty() && name != mailbox)
            continue;
        found = true;
        const Result<std::uint64_t> written = export_mailbox(**client, account, name, **out);
        if (!written)
            return report(written.error());
        count += *written;
    }
    if (!found)
        return report({ErrorCode::not_found, fmt::format("{} has no mailbox {}", account, mailbox)});
    const Result<void> safe = (*out)->finish();
    if (!safe)
        return report(safe.error());
    std::printf("%s\n", fmt::format("{} messages of {} written to {}", count, account, path).c_str());
    return exit_code::ok;
}

}  // namespace posthouse::app
