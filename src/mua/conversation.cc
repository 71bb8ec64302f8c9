// test: an SMTP conversation, every line of it shown. The exit codes are those of swaks(1).
#include "base/terminal.h"
#include "base/text.h"
#include "message/builder.h"
#include "mua/compose.h"
#include "mua/submit.h"
#include "smtp/body_framer.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

namespace swaks {
constexpr int ok = 0;
constexpr int options = 1;
constexpr int connection = 2;
constexpr int closed = 6;
constexpr int banner = 21;
constexpr int hello = 22;
constexpr int mail = 23;
constexpr int rcpt = 24;
constexpr int data = 25;
constexpr int message = 26;
constexpr int quit = 27;
constexpr int auth = 28;
constexpr int tls = 29;
constexpr int hello_after_tls = 32;
}  // namespace swaks

constexpr Duration write_patience = 5min;

enum class Stage : std::uint8_t { banner, first_hello, tls, hello, auth, mail, rcpt, none };

std::optional<Stage> stage_named(std::string_view name)
{
    static constexpr std::array<std::pair<std::string_view, Stage>, 15> names{{{"", Stage::none},
                                                                               {"banner", Stage::banner},
                                                                               {"connect", Stage::banner},
                                                                               {"first-helo", Stage::first_hello},
                                                                               {"first-ehlo", Stage::first_hello},
                                                                               {"tls", Stage::tls},
                                                                               {"starttls", Stage::tls},
                                                                               {"helo", Stage::hello},
                                                                               {"ehlo", Stage::hello},
                                                                               {"auth", Stage::auth},
                                                                               {"mail", Stage::mail},
                                                                               {"from", Stage::mail},
                                                                               {"rcpt", Stage::rcpt},
                                                                               {"to", Stage::rcpt},
                                                                               {"data", Stage::none}}};
    for (const auto& [known, stage] : names)
        if (equals_ignoring_case(known, name))
            return stage;
    return std::nullopt;
}

// Prints the lines as swaks does: "->" ours, "<-" theirs, "<**" where they refuse, "~" behind TLS.
class Screen {
public:
    void note(std::string_view what) const { put(Style::dim, fmt::format("=== {}", printable(what, 2000))); }
    void fault(std::string_view what) const { put(Style::bold, fmt::format("*** {}", printable(what, 2000))); }
    void line(Speaker speaker, std::string_view text) const
    {
        const std::string shown = printable(text, 5000);
        const char dash = secure_ ? '~' : '-';
        if (speaker == Speaker::client)
            put(Style::red, fmt::format(" {}> {}", dash, shown));
        else if (text.starts_with('4') || text.starts_with('5'))
            put(Style::blue, fmt::format("<{}* {}", secure_ ? '~' : '*', shown));
        else
            put(Style::blue, fmt::format("<{}  {}", dash, shown));
    }
    void set_secure() { secure_ = true; }

private:
    void put(Style style, const std::string& text) const
    {
        std::printf("%s\n", styled(text, style, colour_).c_str());
        std::fflush(stdout);
    }
    bool colour_ = wants_colour(stdout);
    bool secure_ = false;
};

// One run: a step that fails leaves its code, and nothing follows but QUIT.
struct Run {
    Desk& desk;
    TestOptions options;
    Identity identity;
    ServerAt server;
    Stage last = Stage::none;
    std::unique_ptr<net::TlsContext> context;
    Screen screen;
    std::unique_ptr<smtp::Client> client;
    int code = swaks::ok;
    bool lost = false;  // nothing more can be said

    // True: the reply is there and says yes.
    bool judge(const Result<smtp::Reply>& reply, int failure)
    {
        if (reply && reply->is_positive())
            return true;
        code = failure;
        if (!reply) {
            lost = true;
            screen.fault(reply.error().text);
            if (reply.error() == ErrorCode::closed && failure != swaks::banner)
                code = swaks::closed;
        }
        return false;
    }
    bool tls_failed(const Error& error)
    {
        screen.fault(explained(error, server).text);
        code = swaks::tls;
        lost = true;
        return false;
    }
    void tls_started()
    {
        screen.set_secure();
        const net::TlsFacts& facts = client->wire().tls();
        screen.note(fmt::format("TLS started with {} {}, certificate {}{}", facts.version, facts.cipher,
                                facts.peer_subject, facts.peer_verified ? "" : " (not verified)"));
    }
    std::string hello_name() const { return options.hello.empty() ? own_name(client->wire()) : options.hello; }
};

Task<bool> connect(Run& run)
{
    const std::uint16_t port = run.server.port != 0 ? run.server.port : run.options.tls_on_connect ? 465 : 25;
    run.screen.note(fmt::format("Trying {}:{}...", run.server.host, port));
    Result<net::Wire> wire = co_await dial(run.server.host, port, run.desk.clock());
    if (!wire) {
        run.screen.fault(wire.error().text);
        run.code = swaks::connection;
        co_return false;
    }
    run.screen.note(fmt::format("Connected to {}.", wire->peer().text()));
    Result<void> secured;
    if (run.options.tls_on_connect)
        secured = co_await wire->connect_tls(*run.context, run.server.host, Deadline::in(run.desk.clock(), 1min));
    if (!secured)
        co_return run.tls_failed(secured.error());
    run.client = std::make_unique<smtp::Client>(
        std::move(*wire), run.desk.clock(),
        [&run](Speaker speaker, std::string_view line) { run.screen.line(speaker, line); });
    if (run.options.tls_on_connect)
        run.tls_started();
    const Result<smtp::Reply> greeting = co_await run.client->greeting();
    co_return run.judge(greeting, swaks::banner);
}

Task<bool> start_tls(Run& run)
{
    if (!run.client->capabilities().starttls) {
        run.screen.fault("the server does not offer STARTTLS");
        run.code = swaks::tls;
        co_return false;
    }
    const Result<smtp::Reply> started = co_await run.client->start_tls(*run.context, run.server.host);
    if (!started && started.error() == ErrorCode::tls)
        co_return run.tls_failed(started.error());
    if (!run.judge(started, swaks::tls))
        co_return false;
    run.tls_started();
    co_return true;
}

Task<bool> log_in(Run& run)
{
    const Result<std::string> password = run.desk.password_of(run.identity);
    if (!password) {
        run.screen.fault(password.error().text);
        run.code = swaks::auth;
        co_return false;
    }
    smtp::LoginWith with{.user = run.identity.login(), .password = *password};
    with.clear = run.client->wire().is_tls() ? smtp::ClearPasswords::yes : smtp::ClearPasswords::no;
    with.tls_exporter = run.client->wire().channel_binding(net::ChannelBinding::tls_exporter);
    Result<std::unique_ptr<smtp::SaslClient>> sasl =
        smtp::choose_sasl_client(run.client->capabilities().mechanisms, std::move(with), run.desk.random());
    if (!sasl) {
        run.screen.fault(sasl.error().text);
        run.code = swaks::auth;
        co_return false;
    }
    const Result<smtp::Reply> reply = co_await run.client->login(std::move(*sasl));
    co_return run.judge(reply, swaks::auth);
}

Result<std::string> test_message(Run& run)
{
    if (run.options.data == "-")
        return read_standard_input();
    if (!run.options.data.empty())
        return read_small_file(run.options.data);
    message::Draft draft;
    const Result<message::AddrSpec> from = message::parse_addr_spec(run.options.from);
    if (from)
        draft.from.push_back({.spec = *from});
    for (const std::string& text : run.options.to)
        if (const Result<message::AddrSpec> to = message::parse_addr_spec(text))
            draft.to.push_back({.spec = *to});
    if (draft.from.empty())
        draft.from.push_back({.spec = {"postmaster", "localhost.localdomain"}});
    draft.subject = "test " + rfc5322_date(run.desk.clock().now());
    draft.extra.push_back({"X-Mailer", "posthouse test"});
    draft.parts.push_back({.content = "This is a test mailing\n"});
    return message::build_message(draft, run.desk.clock(), run.desk.random(), "localhost.localdomain");
}

Task<bool> send_data(Run& run)
{
    const Result<std::string> message = test_message(run);
    if (!message) {
        run.screen.fault(message.error().text);
        run.code = swaks::options;
        co_return false;
    }
    const Result<smtp::Reply> begun = co_await run.client->command("DATA");
    if (!run.judge(begun, swaks::data) || begun->code != 354) {
        run.code = run.code == swaks::ok ? swaks::data : run.code;
        co_return false;
    }
    std::string stuffed;
    smtp::DotStuffer stuffer;
    stuffer.stuff(*message, stuffed);
    if (stuffer.end().starts_with("\r\n"))
        stuffed += "\r\n";
    std::vector<std::string_view> lines = split(stuffed, '\n');
    lines.pop_back();  // behind the last line end
    for (const std::string_view line : lines)
        run.screen.line(Speaker::client, line.substr(0, line.size() - 1));
    const Result<void> written =
        co_await run.client->wire().write(std::move(stuffed), Deadline::in(run.desk.clock(), write_patience));
    if (!written) {
        run.screen.fault(written.error().text);
        run.code = swaks::closed;
        co_return false;
    }
    const Result<smtp::Reply> end = co_await run.client->command(".");
    co_return run.judge(end, swaks::message);
}

Task<bool> send_recipients(Run& run)
{
    bool any = false;
    for (const std::string& to : run.options.to) {
        const Result<smtp::Reply> reply = co_await run.client->command(fmt::format("RCPT TO:<{}>", to));
        if (!reply)
            co_return run.judge(reply, swaks::rcpt);
        any = any || reply->is_success();
    }
    if (!any)
        run.code = swaks::rcpt;
    co_return any;
}

// From the greeting to the end of data, as far as it was asked for.
Task<void> converse(Run& run)
{
    if (run.last == Stage::banner)
        co_return;
    Result<smtp::Reply> hello = co_await run.client->hello(run.hello_name());
    if (!run.judge(hello, swaks::hello) || run.last == Stage::first_hello)
        co_return;
    if (run.options.starttls) {
        const bool secured = co_await start_tls(run);
        if (!secured || run.last == Stage::tls)
            co_return;
        hello = co_await run.client->hello(run.hello_name());
        if (!run.judge(hello, swaks::hello_after_tls))
            co_return;
    }
    if (run.last == Stage::hello || run.last == Stage::tls)
        co_return;
    if (run.options.auth) {
        const bool entered = co_await log_in(run);
        if (!entered)
            co_return;
    }
    if (run.last == Stage::auth)
        co_return;
    const Result<smtp::Reply> mail = co_await run.client->command(fmt::format("MAIL FROM:<{}>", run.options.from));
    if (!run.judge(mail, swaks::mail) || run.last == Stage::mail)
        co_return;
    const bool somebody = co_await send_recipients(run);
    if (!somebody || run.last == Stage::rcpt)
        co_return;
    co_await send_data(run);
}

// The lab's certificate is trusted on this machine alone, like everywhere.
std::string certificate_for(const Desk& desk, const ServerAt& server)
{
    const Result<Identities> all = desk.everybody();
    if (!all || !is_loopback(server.host))
        return "";
    for (const Identity& identity : all->list)
        if (identity.in_lab)
            return identity.certificate;
    return "";
}

}  // namespace

Task<Outcome> test_smtp(Desk& desk, TestOptions options)
{
    const std::optional<Stage> last = stage_named(options.quit_after);
    if (!last)
        co_return fail(ErrorCode::malformed, "--quit-after is one of banner, first-helo, tls, helo, auth, mail, rcpt");
    Run run{.desk = desk, .options = std::move(options), .last = *last};
    const Result<ServerAt> server = parse_server(run.options.server);
    if (!server)
        co_return fail(server.error());
    run.server = *server;
    std::string certificate = certificate_for(desk, run.server);
    if (run.options.auth) {
        const Result<Identities> all = desk.everybody();
        const std::string& user = desk.choice().user.empty() ? run.options.from : desk.choice().user;
        run.identity.address = run.identity.user = user;
        // A stored password only for the servers it was stored with.
        const Identity* known = all ? all->find(user) : nullptr;
        if (known != nullptr && equals_ignoring_case(known->submission.host, run.server.host)) {
            run.identity = *known;
            certificate = known->certificate.empty() ? certificate : known->certificate;
        }
    }
    Result<std::unique_ptr<net::TlsContext>> context = desk.choice().insecure
        ? net::TlsContext::client(net::TlsContext::Verify::no)
        : net::TlsContext::client(net::TlsContext::Verify::yes, std::move(certificate));
    if (!context)
        co_return fail(context.error());
    run.context = std::move(*context);

    const bool connected = co_await connect(run);
    if (!connected && run.client == nullptr)
        co_return run.code;
    if (connected)
        co_await converse(run);
    if (run.lost || run.client->wire().is_broken())
        co_return run.code;
    const Result<smtp::Reply> bye = co_await run.client->command("QUIT");
    if (run.code == swaks::ok && (!bye || !bye->is_success()))
        run.code = bye ? swaks::quit : swaks::closed;
    run.client->wire().close();
    run.screen.note("Connection closed with remote host.");
    co_return run.code;
}

}  // namespace posthouse::mua
