#include "app/house.h"

#include "app/admin_client.h"
#include "app/process.h"
#include "app/rooms.h"
#include "app/version.h"
#include "imap/server/server.h"
#include "msa/submission.h"
#include "mta/receive/receive.h"
#include "net/listener.h"
#include "net/tls.h"
#include "pop3/server/server.h"
#include "smtp/session.h"

#include <thread>

#include <fmt/format.h>
#include <unistd.h>

namespace posthouse::app {

namespace {

constexpr auto sweep_pause = 1h;
constexpr auto orphan_age = 24h;  // a blob is written before the commit that refers to it

unsigned thread_count(const Settings& settings)
{
    return settings.threads != 0 ? settings.threads : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

// The ports are bound before anything else, while we may still be root; then the household is
// opened as the user that owns it.
struct House::State {
    explicit State(const Settings& the_settings, Log& the_log) :
        settings(the_settings),
        log(the_log),
        recorder(the_settings.journey ? static_cast<Recorder&>(recording) : silence),
        loops(thread_count(the_settings)),
        table(the_settings.connections),
        sessions([this](std::string_view name, std::string_view what) {
            log.write(LogLevel::error, "app", 0, "a session ended with a bug",
                      {{"task", std::string(name)}, {"what", std::string(what)}});
        })
    {
    }

    Settings settings;
    Log& log;
    SystemClock clock;
    journey::Recording recording{clock};
    NoRecorder silence;  // of explanations
    Recorder& recorder;
    std::unique_ptr<journey::BothRecorders> both;  // journeys, and sessions that are recorded on demand
    Loops loops;
    std::unique_ptr<Household> household;
    net::ConnectionTable table;
    std::unique_ptr<net::TlsContext> tls;
    struct Bound {
        Door door;
        std::unique_ptr<net::Listener> listener;
    };
    std::vector<Bound> bound;
    std::unique_ptr<net::Listener> console_listener;
    std::vector<House::Listening> listening;
    TaskGroup sessions;
    std::unique_ptr<mta::receive::Receive> receive;
    std::unique_ptr<msa::Submission> submission;
    NoLog silent_log;
    std::unique_ptr<mta::receive::Receive> receive_explained;
    std::unique_ptr<msa::Submission> submission_explained;
    std::unique_ptr<smtp::Server> smtp;
    std::unique_ptr<smtp::Server> submission_server;
    std::unique_ptr<imap::Server> imap;
    std::unique_ptr<pop3::Server> pop3;
    bool stopped = false;
};

House::House(std::unique_ptr<State> state) : state_(std::move(state)) { }

namespace {

net::ListenerOptions options_of(const ListenAt& at, const Settings& settings, const net::TlsContext* tls)
{
    net::ListenerOptions options;
    options.name = name_of(at.door);
    options.address = at.address;
    options.port = at.port;
    options.proxy_protocol = settings.unsafe_proxy_protocol;
    options.implicit_tls = is_implicit_tls(at.door) ? tls : nullptr;
    switch (at.door) {
    case Door::smtp:
    case Door::submission:
    case Door::submissions:
        options.refusal = fmt::format("421 4.7.0 {} too many connections, try again later", settings.hostname);
        break;
    case Door::imap:
    case Door::imaps: options.refusal = "* BYE too many connections, try again later"; break;
    case Door::pop3:
    case Door::pop3s: options.refusal = "-ERR [SYS/TEMP] too many connections, try again later"; break;
    }
    return options;
}

void warn_of_unsafe(const Settings& settings, Log& log)
{
    if (settings.unsafe_no_sync)
        log.write(LogLevel::alarm, "app", 0, "UNSAFE: no_sync is set. A power cut will lose mail that was accepted");
    if (settings.unsafe_plaintext_login)
        log.write(LogLevel::alarm, "app", 0, "UNSAFE: plaintext_login is set. Passwords travel in the clear");
    if (settings.unsafe_proxy_protocol)
        log.write(LogLevel::alarm, "app", 0, "UNSAFE: proxy_protocol is set. Clients may name any address as theirs");
}

// What may need root: certificates, keys, ports.
Result<void> bind_ports(House::State& state)
{
    if (!state.settings.certificates.empty()) {
        Result<std::unique_ptr<net::TlsContext>> tls = net::TlsContext::server(state.settings.certificates);
        if (!tls)
            return fail(tls.error());
        state.tls = std::move(*tls);
    }
    for (ListenAt& at : state.settings.listen) {
        if (is_implicit_tls(at.door) && !state.tls)
            return fail(ErrorCode::malformed,
                        fmt::format("listen.{} needs a certificate: add a [[tls]] table", name_of(at.door)));
        Result<std::unique_ptr<net::Listener>> listener =
            net::Listener::bind(options_of(at, state.settings, state.tls.get()), state.loops, state.table, state.log);
        if (!listener)
            return fail(listener.error());
        at.port = (*listener)->port();
        state.listening.push_back({at.door, {at.address, at.port}});
        state.bound.push_back({at.door, std::move(*listener)});
    }
    return {};
}

Result<void> bind_console(House::State& state)
{
    net::ListenerOptions options;
    options.name = "console";
    options.address = socket_path(state.settings.data);
    Result<std::unique_ptr<net::Listener>> listener =
        net::Listener::bind(std::move(options), state.loops, state.table, state.log);
    if (!listener)
        return fail(listener.error());
    state.console_listener = std::move(*listener);
    return {};
}

void build_doors(House::State& state)
{
    Household::Rooms& rooms = state.household->rooms();
    const Settings& settings = state.settings;
    state.both = std::make_unique<journey::BothRecorders>(state.recorder, rooms.session_recorder);
    const msa::Settings submission{
        .host_name = settings.hostname, .most_bytes = settings.message_bytes, .internet = settings.internet};
    state.receive = std::make_unique<mta::receive::Receive>(
        mta::receive::Services{*rooms.directory.directory, *rooms.intake, *rooms.room_for_mail, rooms.clock,
                               *state.both, state.log},
        mta::receive::Settings{settings.hostname, settings.message_bytes});
    state.submission =
        std::make_unique<msa::Submission>(msa::Services{*rooms.directory.directory, *rooms.directory.authenticator,
                                                        *rooms.directory.outgoing, *rooms.intake, *rooms.room_for_mail,
                                                        state.table, rooms.clock, rooms.random, *state.both, state.log},
                                          submission);
    // Explanations are asked of doors that are built alike and tell nobody.
    state.receive_explained = std::make_unique<mta::receive::Receive>(
        mta::receive::Services{*rooms.directory.directory, *rooms.intake, *rooms.room_for_mail, rooms.clock,
                               state.silence, state.silent_log},
        mta::receive::Settings{settings.hostname, settings.message_bytes});
    state.submission_explained = std::make_unique<msa::Submission>(
        msa::Services{*rooms.directory.directory, *rooms.directory.authenticator, *rooms.directory.outgoing,
                      *rooms.intake, *rooms.room_for_mail, state.table, rooms.clock, rooms.random, state.silence,
                      state.silent_log},
        submission);
    rooms.routing->explain_with(*state.receive_explained, *state.submission_explained);
    const auto smtp_server = [&](smtp::Door& door) {
        return std::make_unique<smtp::Server>(
            smtp::ServerServices{door, rooms.ids, rooms.clock, *state.both, state.log, state.tls.get()});
    };
    state.smtp = smtp_server(*state.receive);
    state.submission_server = smtp_server(*state.submission);
    imap::ServerOptions imap_options;
    imap_options.name = settings.hostname;
    imap_options.version = version;
    imap_options.allow_plaintext_login = settings.unsafe_plaintext_login;
    imap_options.most_message = settings.message_bytes;
    imap_options.message_limit = settings.messages_per_command;
    state.imap = std::make_unique<imap::Server>(
        imap::ServerServices{rooms.clock, state.log, rooms.session_recorder, rooms.ids, state.loops,
                             *rooms.directory.authenticator, *rooms.mailboxes, state.table, state.tls.get(),
                             rooms.directory.directory.get()},
        imap_options);
    pop3::ServerOptions pop3_options;
    pop3_options.name = settings.hostname;
    pop3_options.allow_plaintext_login = settings.unsafe_plaintext_login;
    state.pop3 = std::make_unique<pop3::Server>(pop3::ServerServices{rooms.clock, state.log, rooms.session_recorder,
                                                                     rooms.ids, *rooms.directory.authenticator,
                                                                     *rooms.mailboxes, state.table, state.tls.get()},
                                                pop3_options);
}

Task<void> serve_console(net::Wire wire, console::Api& api, const Clock& clock)
{
    // The file's mode keeps others out; the kernel's word on who connected is asked all the same.
    const std::optional<net::PeerProcess> peer = wire.peer_process();
    const bool allowed = peer && (peer->user == 0 || peer->user == ::geteuid());
    if (!allowed)
        co_return;
    co_await net::serve_http(std::move(wire), api, clock, console::most_request);
}

// What nobody needs any longer: mail expunged a week ago, blobs that no commit ever referred to.
Task<void> sweep_now_and_then(Household::Rooms& rooms)
{
    for (;;) {
        const bool stopped = co_await rooms.stopping.ready_within(sweep_pause);
        if (stopped)
            co_return;
        const Result<mailbox::Swept> swept = co_await rooms.mailboxes->sweep();
        const Result<std::size_t> blobs =
            co_await rooms.blobs->sweep(rooms.clock.now() - orphan_age, Deadline::in(rooms.clock, sweep_pause));
        if (!swept || !blobs)
            rooms.log.write(LogLevel::warning, "app", 0, "sweeping was not finished",
                            {{"why", swept ? blobs.error().text : swept.error().text}});
    }
}

net::Serve serve_of(House::State& state, Door door)
{
    switch (door) {
    case Door::smtp: return [&state](net::Wire wire) { return state.smtp->serve(std::move(wire)); };
    case Door::submission:
    case Door::submissions: return [&state](net::Wire wire) { return state.submission_server->serve(std::move(wire)); };
    case Door::imap:
    case Door::imaps: return [&state](net::Wire wire) { return state.imap->serve(std::move(wire)); };
    case Door::pop3:
    case Door::pop3s: return [&state](net::Wire wire) { return state.pop3->serve(std::move(wire)); };
    }
    return {};
}

void start_serving(House::State& state)
{
    Household::Rooms& rooms = state.household->rooms();
    rooms.tasks.spawn(state.loops[0], "queue", rooms.queue->run());
    rooms.journey_tasks.spawn(state.loops[1], "journeys", rooms.journeys->run());
    rooms.tasks.spawn(state.loops[0], "sweeping", sweep_now_and_then(rooms));
    for (const House::State::Bound& bound : state.bound)
        bound.listener->start(serve_of(state, bound.door), state.sessions);
    state.console_listener->start(
        [&rooms](net::Wire wire) { return serve_console(std::move(wire), *rooms.api, rooms.clock); }, state.sessions);
    boost::json::array listeners;
    for (const House::Listening& listening : state.listening)
        listeners.push_back(boost::json::object{{"door", name_of(listening.door)},
                                                {"at", listening.at.text()},
                                                {"address", listening.at.address},
                                                {"port", listening.at.port}});
    rooms.upkeep->serve_as({{"name", state.settings.hostname},
                            {"version", version},
                            {"pid", ::getpid()},
                            {"since", rfc3339_date(rooms.clock.now())},
                            {"listeners", std::move(listeners)}});
}

}  // namespace

Result<std::unique_ptr<House>> House::open(const Settings& settings, Log& log)
{
    auto house = std::unique_ptr<House>(new House(std::make_unique<State>(settings, log)));
    State& state = *house->state_;
    warn_of_unsafe(settings, log);
    std::optional<User> user;
    if (!settings.user.empty()) {
        const Result<User> found = find_user(settings.user);
        if (!found)
            return fail(found.error());
        user = *found;
    }
    if (const Result<void> made = make_data_folder(settings.data, user ? &*user : nullptr); !made)
        return fail(made.error());
    if (const Result<void> bound = bind_ports(state); !bound)
        return fail(bound.error());
    if (!settings.pid_file.empty())
        if (const Result<void> written = write_pid_file(settings.pid_file); !written)
            return fail(written.error());
    if (user && is_root())
        if (const Result<void> became = become(*user); !became)
            return fail(became.error());
    Result<std::unique_ptr<Household>> household =
        Household::open(settings, state.loops, log, settings.journey ? &state.recording : nullptr);
    if (!household)
        return fail(household.error());
    state.household = std::move(*household);
    // Behind the store's lock: whoever holds the folder owns its socket too.
    if (const Result<void> bound = bind_console(state); !bound)
        return fail(bound.error());
    build_doors(state);
    start_serving(state);
    return house;
}

House::~House() { stop(); }

Household& House::household() { return *state_->household; }
const std::vector<House::Listening>& House::listening() const { return state_->listening; }

void House::reload()
{
    if (!state_->tls)
        return;
    const Result<void> reloaded = state_->tls->reload();
    if (reloaded)
        state_->log.write(LogLevel::info, "app", 0, "certificates were read again");
    else
        state_->log.write(LogLevel::error, "app", 0, "certificates stay as they were",
                          {{"why", reloaded.error().text}});
}

void House::reload_changed()
{
    if (state_->tls && state_->tls->files_changed())
        reload();
}

void House::run_until_told()
{
    for (;;) {
        switch (wait_for_signal()) {
        case Wish::look:
            reload_changed();
            give_memory_back();
            break;
        case Wish::reload: reload(); break;
        case Wish::stop:
            state_->log.write(LogLevel::info, "app", 0, "stopping");
            stop();
            state_->log.write(LogLevel::info, "app", 0, "stopped");
            return;
        }
    }
}

void House::stop()
{
    State& state = *state_;
    if (std::exchange(state.stopped, true))
        return;
    for (const State::Bound& bound : state.bound)
        bound.listener->stop();
    if (state.console_listener)
        state.console_listener->stop();
    state.sessions.wait();
    state.household.reset();
    state.loops.stop_and_join();
    if (!state.settings.pid_file.empty())
        ::unlink(state.settings.pid_file.c_str());
}

}  // namespace posthouse::app
