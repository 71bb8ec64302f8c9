#include "app/mail_commands.h"

#include "app/admin_client.h"
#include "app/options.h"
#include "app/process.h"
#include "app/run_blocking.h"
#include "base/text.h"
#include "mua/commands.h"
#include "mua/when.h"

#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace posthouse::app {

namespace {

constexpr int default_wait_seconds = 10;

// What the mail commands share: whose mail, at which server, shown how.
struct Shared {
    mua::Choice choice;

    void add_options(CLI::App& app)
    {
        app.add_option("--user", choice.user, "whose mail: the address, or the name to log in with");
        app.add_option("--server", choice.server, "HOST[:PORT] in place of the one kept by login");
        app.add_option("--tls", choice.tls, "how with that server: tls, starttls, none (else by the port)");
        app.add_flag("--insecure", choice.insecure, "do not look at the server's certificate");
        app.add_flag("--json", choice.as_json, "one JSON document, with JMAP's names");
        app.add_flag("-v,--verbose", choice.verbose, "show what is said to the servers");
        app.add_option("--data", choice.lab_data, "the data folder of the lab, where it is another");
    }
    void add_pop3(CLI::App& app) { app.add_flag("--pop3", choice.pop3, "by POP3 in place of IMAP"); }
};

std::string lab_data_of(const std::string& given)
{
    if (!given.empty())
        return given;
    const char* from_environment = std::getenv("POSTHOUSE_DATA");
    return from_environment != nullptr && *from_environment != '\0' ? from_environment : lab_folder();
}

// Runs a command of mua/ to its end on a loop of its own.
template <class Options>
int run(mua::Choice choice, Task<mua::Outcome> (*command)(mua::Desk&, Options), Options options)
{
    prepare_process();
    choice.lab_data = lab_data_of(choice.lab_data);
    const SystemClock clock;
    SystemRandom random;
    mua::Desk desk(clock, random, std::move(choice));
    Loops loops(1);
    const mua::Outcome outcome = run_blocking(loops[0], command(desk, std::move(options)));
    if (!outcome)
        return report(outcome.error());
    return std::fflush(stdout) == 0 ? *outcome : exit_code::io_error;
}

struct None { };
Task<mua::Outcome> folders(mua::Desk& desk, None) { return mua::list_folders(desk); }

// The options of a letter.
struct Writing {
    mua::WriteOptions options;
    std::string text;
    int wait = 0;
    std::string after;
    std::string at;
    CLI::Option* wait_option = nullptr;
    CLI::Option* text_option = nullptr;

    void add_options(CLI::App& app, Shared& shared)
    {
        app.add_option("-s,--subject", options.subject, "the subject");
        app.add_option("-c,--cc", options.cc, "who gets a copy");
        app.add_option("-b,--bcc", options.bcc, "who gets a copy that the others do not see");
        app.add_option("-a,--attach", options.files, "a file to attach");
        text_option = app.add_option("-m,--message", text, "the text (else standard input)");
        app.add_option("--from", shared.choice.from, "the sender's address");
        app.add_option("--submission", shared.choice.submission, "HOST[:PORT] that takes mail for sending");
        app.add_flag("--no-copy", options.no_copy, "no copy into Sent");
        wait_option = app.add_option("--wait", wait, "show what becomes of it, SECONDS long (10)")->expected(0, 1);
        CLI::Option* after_option = app.add_option("--after", after, "the server keeps it so long first: 10m, 2h, 1d");
        app.add_option("--at", at, "the server keeps it until then: 08:30, or \"2026-11-29 08:30\"")
            ->excludes(after_option);
    }
    Result<mua::WriteOptions> take()
    {
        if (const Result<void> scheduled = schedule(); !scheduled)
            return fail(scheduled.error());
        if (text_option->count() > 0)
            options.text = text;
        if (wait_option->count() > 0)
            options.wait = std::chrono::seconds(wait > 0 ? wait : default_wait_seconds);
        return std::move(options);
    }

private:
    Result<void> schedule()
    {
        const WallTime now = SystemClock().now();
        if (!after.empty()) {
            const Result<Duration> span = mua::parse_span(after);
            if (!span)
                return fail(span.error());
            options.hold_until = now + *span;
        }
        if (!at.empty()) {
            const Result<WallTime> moment = mua::parse_moment(at, now);
            if (!moment)
                return fail(moment.error());
            options.hold_until = *moment;
        }
        return {};
    }
};

void add_search_options(CLI::App& app, mua::ListOptions& options)
{
    app.add_option("--mailbox", options.mailbox, "another mailbox than INBOX");
    app.add_option("--most", options.most, "how many lines")->check(CLI::Range(1, 100'000));
    app.add_flag("--unread", options.unread, "only what was not read");
    app.add_flag("--flagged", options.flagged, "only what is flagged");
}

}  // namespace

int login_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::LoginOptions options;
    app.add_option("address", options.address, "your address");
    shared.add_options(app);
    shared.add_pop3(app);
    app.add_option("--name", options.name, "your name, for From");
    app.add_option("--imap", options.imap, "HOST[:PORT], where it is not --server");
    app.add_option("--pop3-server", options.pop3, "HOST[:PORT], where it is not --server");
    app.add_option("--submission", options.submission, "HOST[:PORT], where it is not --server");
    app.add_option("--certificate", options.certificate, "a PEM file to trust in place of the system's roots");
    app.add_flag("--default", options.make_standard, "use this address where none is said");
    app.add_flag("--forget", options.forget, "take the address and its password out again");
    app.add_flag("--list", options.list, "show who is known");
    if (const auto code = parse_options(app, command_named("login"), arguments))
        return *code;
    if (options.address.empty() && !options.list)
        return report(
            {ErrorCode::malformed, "which address? posthouse login you@example.org --server mail.example.org"});
    return run(shared.choice, mua::log_in, options);
}

int send_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    Writing writing;
    app.add_option("to", writing.options.to, "who it is for")->required();
    writing.add_options(app, shared);
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("send"), arguments))
        return *code;
    Result<mua::WriteOptions> letter = writing.take();
    if (!letter)
        return report(letter.error());
    return run(shared.choice, mua::send_message, std::move(*letter));
}

int inbox_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::ListOptions options;
    add_search_options(app, options);
    shared.add_options(app);
    shared.add_pop3(app);
    if (const auto code = parse_options(app, command_named("inbox"), arguments))
        return *code;
    return run(shared.choice, mua::list_messages, options);
}

int search_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::ListOptions options;
    app.add_option("words", options.words, "what the message holds, anywhere");
    app.add_option("--from", options.from, "what From holds");
    app.add_option("--to", options.to, "what To holds");
    app.add_option("--subject", options.subject, "what the subject holds");
    app.add_option("--body", options.body, "what the text holds");
    app.add_option("--since", options.since, "received on this day or later: 2026-11-22");
    app.add_option("--before", options.before, "received before this day");
    app.add_flag("--everywhere", options.everywhere, "in all mailboxes");
    add_search_options(app, options);
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("search"), arguments))
        return *code;
    return run(shared.choice, mua::list_messages, options);
}

int read_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::ReadOptions options;
    app.add_option("message", options.messages, "numbers of the last listing (3, 2-5), or ids")->required();
    app.add_option("--save", options.save, "write the attachments into this folder");
    app.add_flag("--raw", options.raw, "the whole message as it is");
    app.add_flag("--headers", options.headers, "the header only, all of it");
    app.add_flag("--keep-unread", options.keep_unread, "do not mark it as read");
    shared.add_options(app);
    shared.add_pop3(app);
    if (const auto code = parse_options(app, command_named("read"), arguments))
        return *code;
    return run(shared.choice, mua::read_messages, options);
}

int reply_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    Writing writing;
    mua::ReplyOptions options;
    app.add_option("message", options.message, "a number of the last listing, or an id")->required();
    app.add_flag("--all", options.all, "to everybody who got it");
    app.add_flag("--quote", options.quote, "with what was written, quoted");
    writing.add_options(app, shared);
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("reply"), arguments))
        return *code;
    Result<mua::WriteOptions> letter = writing.take();
    if (!letter)
        return report(letter.error());
    options.write = std::move(*letter);
    return run(shared.choice, mua::reply_to_message, options);
}

int forward_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    Writing writing;
    mua::ForwardOptions options;
    app.add_option("message", options.message, "a number of the last listing, or an id")->required();
    app.add_option("to", writing.options.to, "who it is for")->required();
    app.add_flag("--inline", options.in_line, "as text, not as an attached message");
    writing.add_options(app, shared);
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("forward"), arguments))
        return *code;
    Result<mua::WriteOptions> letter = writing.take();
    if (!letter)
        return report(letter.error());
    options.write = std::move(*letter);
    return run(shared.choice, mua::forward_message, options);
}

int move_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::MoveOptions options;
    app.add_option("message", options.messages, "numbers or ids, then the mailbox")->required()->expected(2, 10'000);
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("move"), arguments))
        return *code;
    options.mailbox = options.messages.back();
    options.messages.pop_back();
    return run(shared.choice, mua::move_messages, options);
}

int delete_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::DeleteOptions options;
    app.add_option("message", options.messages, "numbers of the last listing (3, 2-5), or ids")->required();
    app.add_flag("--forever", options.forever, "at once, not into Trash");
    shared.add_options(app);
    shared.add_pop3(app);
    if (const auto code = parse_options(app, command_named("delete"), arguments))
        return *code;
    return run(shared.choice, mua::delete_messages, options);
}

int flag_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::FlagOptions options;
    bool read = false, unread = false, star = false, unstar = false;
    app.add_option("message", options.messages, "numbers of the last listing (3, 2-5), or ids")->required();
    app.add_option("--add", options.add, "seen, answered, flagged, draft, or a keyword of your own");
    app.add_option("--remove", options.remove, "the same, taken off");
    app.add_flag("--read", read, "--add seen");
    app.add_flag("--unread", unread, "--remove seen");
    app.add_flag("--star", star, "--add flagged");
    app.add_flag("--unstar", unstar, "--remove flagged");
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("flag"), arguments))
        return *code;
    if (read)
        options.add.emplace_back("seen");
    if (unread)
        options.remove.emplace_back("seen");
    if (star)
        options.add.emplace_back("flagged");
    if (unstar)
        options.remove.emplace_back("flagged");
    return run(shared.choice, mua::flag_messages, options);
}

int folders_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("folders"), arguments))
        return *code;
    return run(shared.choice, folders, None());
}

int watch_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::WatchOptions options;
    app.add_option("--mailbox", options.mailbox, "another mailbox than INBOX");
    app.add_option("--most", options.most, "end after so many messages");
    shared.add_options(app);
    if (const auto code = parse_options(app, command_named("watch"), arguments))
        return *code;
    return run(shared.choice, mua::watch_mailbox, options);
}

int test_command(std::span<const std::string> arguments)
{
    CLI::App app;
    Shared shared;
    mua::TestOptions options;
    app.add_option("to", options.to, "the recipients")->required();
    app.add_option("--server", options.server, "HOST[:PORT], port 25 where none is said")->required();
    app.add_option("--from", options.from, "the sender (else none: <>)");
    app.add_option("--helo", options.hello, "what we call ourselves");
    app.add_flag("--auth", options.auth, "log in, as --user or the sender");
    app.add_option("--user", shared.choice.user, "who logs in; implies --auth");
    app.add_flag("--tls", options.starttls, "STARTTLS");
    app.add_flag("--tls-on-connect", options.tls_on_connect, "TLS from the first byte");
    app.add_flag("--insecure", shared.choice.insecure, "do not look at the server's certificate");
    app.add_option("--data", options.data, "a file with the message, - for standard input");
    app.add_option("--quit-after", options.quit_after, "banner, first-helo, tls, helo, auth, mail or rcpt");
    if (const auto code = parse_options(app, command_named("test"), arguments))
        return *code;
    options.auth = options.auth || !shared.choice.user.empty();
    return run(shared.choice, mua::test_smtp, options);
}

bool is_other_program(const std::string& name) { return name == "sendmail" || name == "mail" || name == "mailx"; }

int run_as_other_program(const std::string& name, std::span<const std::string> arguments)
{
    mua::Choice choice;
    if (name == "sendmail") {
        Result<mua::SendmailOptions> options = mua::parse_sendmail(arguments);
        if (!options) {
            std::fprintf(stderr, "sendmail: %s\n", printable(options.error().text).c_str());
            return exit_code::usage;
        }
        return run(choice, mua::sendmail, std::move(*options));
    }
    Result<mua::MailOptions> options = mua::parse_mail(arguments);
    if (!options) {
        std::fprintf(stderr, "mail: %s\n", printable(options.error().text).c_str());
        return exit_code::usage;
    }
    choice.from = options->from;
    if (options->read)
        return run(choice, mua::list_messages, mua::ListOptions());
    return run(choice, mua::send_message, std::move(options->write));
}

}  // namespace posthouse::app
