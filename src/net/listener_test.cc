#include "net/listener.h"

#include "net/buffer.h"
#include "net/listening_socket.h"
#include "net/test_support.h"
#include "net/tls_session.h"
#include "net/tls_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace posthouse::net {
namespace {

// Greets, echoes until the peer goes, and says goodbye when cancelled.
Task<void> echo(Wire wire)
{
    const Result<void> greeted = co_await wire.write("220 " + wire.peer().address + "\r\n", patient());
    if (!greeted)
        co_return;
    for (;;) {
        const Result<void> filled = co_await wire.fill(patient());
        if (!filled && filled.error() == ErrorCode::cancelled) {
            const Result<void> said = co_await wire.write(std::string("421\r\n"), patient());
            co_return;
        }
        if (!filled)
            co_return;
        std::string text(wire.input());
        wire.consume(text.size());
        const Result<void> sent = co_await wire.write(std::move(text), patient());
        if (!sent)
            co_return;
    }
}

Task<void> fault(Wire)
{
    throw std::runtime_error("a bug");
    co_return;
}

Task<std::string> read_line(Wire& wire)
{
    for (;;) {
        const std::size_t end = wire.input().find("\r\n");
        if (end != std::string_view::npos) {
            std::string line(wire.input().substr(0, end));
            wire.consume(end + 2);
            co_return line;
        }
        const Result<void> filled = co_await wire.fill(patient());
        if (!filled)
            co_return std::string(to_string(filled.error().code));
    }
}

class ListenerTest : public testing::Test {
protected:
    ~ListenerTest() override
    {
        for (const auto& listener : listeners_)
            listener->stop();
        group_.wait();
        listeners_.clear();
    }

    Listener& listen(ListenerOptions options, Serve serve = echo)
    {
        options.refusal = "421 too many connections";
        Result<std::unique_ptr<Listener>> bound = Listener::bind(options, loops_, table_, log_);
        if (!bound)
            throw std::runtime_error(bound.error().text);
        listeners_.push_back(std::move(*bound));
        listeners_.back()->start(std::move(serve), group_);
        return *listeners_.back();
    }
    static Task<Wire> dial_or_throw(std::string address, std::uint16_t port)
    {
        Result<Wire> wire = co_await connect(address, port, patient());
        if (!wire)
            throw std::runtime_error(wire.error().text);
        co_return std::move(*wire);
    }
    Wire dialled(std::string address, std::uint16_t port)
    {
        return run(client_loops_[0], dial_or_throw(std::move(address), port));
    }
    std::string line(Wire& wire) { return run(client_loops_[0], read_line(wire)); }
    void say(Wire& wire, std::string text)
    {
        EXPECT_TRUE(run(client_loops_[0], wire.write(std::move(text), patient())));
    }

    Loops loops_{2};
    Loops client_loops_{1};
    ConnectionTable table_{{.per_address = 4, .per_network = 6, .per_account = 2, .total = 100}};
    NoLog log_;
    TaskGroup group_{[](std::string_view name, std::string_view what) { ADD_FAILURE() << name << ": " << what; }};
    std::vector<std::unique_ptr<Listener>> listeners_;
    Folder folder_;
};

TEST_F(ListenerTest, ServesOnIpv4AndIpv6)
{
    for (const char* address : {"127.0.0.1", "::1"}) {
        Listener& listener = listen({.name = "echo", .address = address});
        Wire wire = dialled(address, listener.port());
        EXPECT_EQ(line(wire), fmt::format("220 {}", address));
        EXPECT_EQ(wire.peer().port, listener.port());
        say(wire, "NOOP\r\n");
        EXPECT_EQ(line(wire), "NOOP");
    }
}

TEST_F(ListenerTest, AnIpv6WildcardLeavesIpv4Alone)
{
    Listener& v6 = listen({.name = "v6", .address = "::"});
    Listener& v4 = listen({.name = "v4", .address = "0.0.0.0", .port = v6.port()});
    Wire wire = dialled("127.0.0.1", v4.port());
    EXPECT_EQ(line(wire), "220 127.0.0.1");
}

TEST_F(ListenerTest, AcceptedSocketsInheritTheirOptions)
{
    const Result<ListeningSocket> listening = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(listening);
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(listening->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const int accepted = ::accept4(listening->socket.number(), nullptr, nullptr, SOCK_CLOEXEC);
    for (const auto& [level, option] : {std::pair<int, int>(IPPROTO_TCP, TCP_NODELAY), {SOL_SOCKET, SO_KEEPALIVE}}) {
        int value = 0;
        socklen_t size = sizeof value;
        ASSERT_EQ(getsockopt(accepted, level, option, &value, &size), 0);
        EXPECT_NE(value, 0);
    }
    ::close(accepted);
    ::close(client);
}

TEST_F(ListenerTest, ASecondServerIsToldWhoHasThePort)
{
    Listener& first = listen({.name = "first", .address = "127.0.0.1"});
    const Result<std::unique_ptr<Listener>> second =
        Listener::bind({.name = "smtp", .address = "127.0.0.1", .port = first.port()}, loops_, table_, log_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::already_exists);
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").filename();
    EXPECT_EQ(second.error().text,
              fmt::format("smtp: port {} on 127.0.0.1 is in use by {} (pid {})", first.port(), program.substr(0, 15),
                          ::getpid()));
    const Result<std::unique_ptr<Listener>> wildcard =
        Listener::bind({.name = "smtp", .address = "0.0.0.0", .port = first.port()}, loops_, table_, log_);
    EXPECT_FALSE(wildcard) << "a wildcard beside an address would share the port";
}

TEST_F(ListenerTest, AddressesThatAreNoneAreRefusedWithAText)
{
    for (const char* address : {"", "localhost", "127.0.0.1.1", "::1::", "300.1.1.1"}) {
        const auto bound = Listener::bind({.name = "smtp", .address = address}, loops_, table_, log_);
        ASSERT_FALSE(bound) << address;
        EXPECT_EQ(bound.error().code, ErrorCode::malformed) << address;
    }
}

TEST_F(ListenerTest, ConnectionsSpreadEvenlyOverTheLoops)
{
    std::mutex mutex;
    std::map<std::thread::id, int> served;
    struct Tasks {
        static Task<void> note(Wire wire, std::mutex& mutex, std::map<std::thread::id, int>& served)
        {
            {
                const std::scoped_lock lock(mutex);
                ++served[std::this_thread::get_id()];
            }
            const Result<void> sent = co_await wire.write(std::string("220\r\n"), patient());
            const Result<void> end = co_await wire.fill(patient());
        }
    };
    Listener& listener = listen({.name = "note", .address = "127.0.0.1"},
                                [&](Wire wire) { return Tasks::note(std::move(wire), mutex, served); });
    for (int i = 0; i < 40; ++i) {  // one after the other, as a message each
        Wire wire = dialled("127.0.0.1", listener.port());
        EXPECT_EQ(line(wire), "220");
        wire.close();
        while (listener.open() > 0)
            std::this_thread::yield();
    }
    ASSERT_EQ(served.size(), 2u);
    for (const auto& [thread, count] : served)
        EXPECT_EQ(count, 20);
}

TEST_F(ListenerTest, LimitsRefuseWithTheTextAndFreeTheirPlaces)
{
    Listener& listener = listen({.name = "echo", .address = "127.0.0.1"});
    std::vector<Wire> wires;
    for (int i = 0; i < 4; ++i) {
        wires.push_back(dialled("127.0.0.1", listener.port()));
        EXPECT_EQ(line(wires.back()), "220 127.0.0.1");
    }
    Wire refused = dialled("127.0.0.1", listener.port());
    EXPECT_EQ(line(refused), "421 too many connections");
    EXPECT_EQ(line(refused), "closed");
    wires.pop_back();
    while (table_.open() > 3)
        std::this_thread::yield();
    Wire welcome = dialled("127.0.0.1", listener.port());
    EXPECT_EQ(line(welcome), "220 127.0.0.1");
}

TEST_F(ListenerTest, StopLetsSessionsSayGoodbye)
{
    Listener& listener = listen({.name = "echo", .address = "127.0.0.1"});
    std::vector<Wire> wires;
    for (int i = 0; i < 4; ++i) {
        wires.push_back(dialled("127.0.0.1", listener.port()));
        EXPECT_EQ(line(wires.back()), "220 127.0.0.1");
    }
    listener.stop();
    group_.wait();
    for (Wire& wire : wires) {
        EXPECT_EQ(line(wire), "421");
        EXPECT_EQ(line(wire), "closed");
    }
    EXPECT_EQ(listener.open(), 0u);
    EXPECT_EQ(table_.open(), 0u);
    const Result<ListeningSocket> again = listen_on("127.0.0.1", listener.port());
    EXPECT_TRUE(again) << again.error().text;
}

TEST_F(ListenerTest, StopEndsHandshakesAndProxyHeadersToo)
{
    const auto context = TlsContext::server({self_signed(folder_, "a", {"north.test"})});
    ASSERT_TRUE(context);
    Listener& tls = listen({.name = "tls", .address = "127.0.0.1", .implicit_tls = context->get()});
    Listener& proxied = listen({.name = "proxied", .address = "127.0.0.1", .proxy_protocol = true});
    Wire silent = dialled("127.0.0.1", tls.port());
    Wire mute = dialled("127.0.0.1", proxied.port());
    while (tls.open() + proxied.open() < 2)
        std::this_thread::yield();
    tls.stop();
    proxied.stop();
    group_.wait();
    EXPECT_EQ(line(silent), "closed");
    EXPECT_EQ(line(mute), "closed");
}

TEST_F(ListenerTest, ABugInASessionEndsThatSessionAlone)
{
    Listener& listener = listen({.name = "faulty", .address = "127.0.0.1"}, fault);
    for (int i = 0; i < 3; ++i) {
        Wire wire = dialled("127.0.0.1", listener.port());
        EXPECT_EQ(line(wire), "closed");
    }
}

TEST_F(ListenerTest, ImplicitTlsHandsOverASecuredWire)
{
    const TlsContext::Files files = self_signed(folder_, "a", {"north.test"});
    const auto server = TlsContext::server({files});
    const auto client = TlsContext::client(TlsContext::Verify::yes, files.certificate);
    ASSERT_TRUE(server && client);
    Listener& listener = listen({.name = "smtps", .address = "127.0.0.1", .implicit_tls = server->get()});
    Wire wire = dialled("127.0.0.1", listener.port());
    const Result<void> secured = run(client_loops_[0], wire.connect_tls(**client, "north.test", patient()));
    ASSERT_TRUE(secured) << secured.error().text;
    EXPECT_EQ(line(wire), "220 127.0.0.1");
    EXPECT_EQ(wire.tls().version, "TLSv1.3");

    Wire plain = dialled("127.0.0.1", listener.port());
    say(plain, "EHLO telnet\r\n");
    EXPECT_EQ(line(plain), "closed");
}

TEST_F(ListenerTest, TheProxyProtocolTellsAndLimitsTheClient)
{
    Listener& listener = listen({.name = "proxied", .address = "127.0.0.1", .proxy_protocol = true});
    std::vector<Wire> wires;
    for (int i = 0; i < 5; ++i) {
        wires.push_back(dialled("127.0.0.1", listener.port()));
        say(wires.back(), fmt::format("PROXY TCP4 192.0.2.1 127.0.0.1 {} 25\r\n", 4000 + i));
        EXPECT_EQ(line(wires.back()), i < 4 ? "220 192.0.2.1" : "421 too many connections");
    }
    Wire wrong = dialled("127.0.0.1", listener.port());
    say(wrong, "EHLO telnet\r\n");
    EXPECT_EQ(line(wrong), "closed");
}

// A proxy passes on at once what the client said: the handshake begins in the header's packet.
TEST_F(ListenerTest, AHandshakeMayComeRightBehindTheProxyHeader)
{
    const TlsContext::Files files = self_signed(folder_, "a", {"north.test"});
    const auto server = TlsContext::server({files});
    const auto client = TlsContext::client(TlsContext::Verify::yes, files.certificate);
    ASSERT_TRUE(server && client);
    Listener& listener =
        listen({.name = "smtps", .address = "127.0.0.1", .proxy_protocol = true, .implicit_tls = server->get()});
    TlsSession session((*client)->state().credentials(), TlsSession::End::client, "north.test");
    Buffer from_server;
    Buffer hello;
    ASSERT_EQ(session.handshake(from_server, hello), TlsSession::Outcome::needs_bytes);
    Wire wire = dialled("127.0.0.1", listener.port());
    say(wire, "PROXY TCP4 192.0.2.1 127.0.0.1 4000 465\r\n" + std::string(hello.view()));
    hello.release();
    TlsSession::Outcome outcome = TlsSession::Outcome::needs_bytes;
    while (outcome == TlsSession::Outcome::needs_bytes) {
        ASSERT_TRUE(run(client_loops_[0], wire.fill(patient())));
        from_server.append(wire.input());
        wire.consume(wire.input().size());
        outcome = session.handshake(from_server, hello);
    }
    EXPECT_EQ(outcome, TlsSession::Outcome::done) << session.error();
    say(wire, std::string(hello.view()));
}

TEST_F(ListenerTest, UnixSocketsTellThePeersProcess)
{
    struct Tasks {
        static Task<void> who(Wire wire)
        {
            const std::optional<PeerProcess> peer = wire.peer_process();
            const Result<void> sent =
                co_await wire.write(fmt::format("{} {}\r\n", peer ? peer->pid : 0, wire.peer().text()), patient());
        }
        static Task<std::string> ask(std::string path)
        {
            Result<Wire> wire = co_await connect_unix(path, patient());
            if (!wire)
                co_return wire.error().text;
            std::string said = co_await read_line(*wire);
            co_return said;
        }
    };
    const std::string path = folder_ / "control";
    Listener& listener = listen({.name = "control", .address = path}, Tasks::who);
    EXPECT_EQ(run(client_loops_[0], Tasks::ask(path)), fmt::format("{} unix", ::getpid()));
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    const auto second = Listener::bind({.name = "control", .address = path}, loops_, table_, log_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text, fmt::format("control: {} is in use by pid {}", path, ::getpid()));
    listener.stop();
    group_.wait();
    EXPECT_NE(::stat(path.c_str(), &status), 0) << "the file goes with the listener";
}

TEST_F(ListenerTest, AUnixSocketLeftBehindIsTakenOver)
{
    const std::string path = folder_ / "control";
    {
        Result<ListeningSocket> killed = listen_on(path, 0);
        ASSERT_TRUE(killed);
    }  // closed, but the file stays
    const Result<ListeningSocket> next = listen_on(path, 0);
    EXPECT_TRUE(next) << next.error().text;
    const std::string file = folder_ / "notes";
    ::close(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EXPECT_FALSE(listen_on(file, 0)) << "a plain file is never removed";
}

TEST_F(ListenerTest, ConnectComesFromTheAddressItIsGiven)
{
    struct Tasks {
        static Task<Result<Wire>> dial(std::uint16_t port, std::string source)
        {
            Result<Wire> wire = co_await connect("127.0.0.1", port, patient(), std::move(source));
            co_return wire;
        }
    };
    Listener& listener = listen({.name = "echo", .address = "127.0.0.1"});
    Result<Wire> wire = run(client_loops_[0], Tasks::dial(listener.port(), "127.0.0.77"));
    ASSERT_TRUE(wire) << wire.error().text;
    EXPECT_EQ(line(*wire), "220 127.0.0.77");
    EXPECT_EQ(wire->local().address, "127.0.0.77");
    const Result<Wire> foreign = run(client_loops_[0], Tasks::dial(listener.port(), "192.0.2.1"));
    ASSERT_FALSE(foreign);
    EXPECT_TRUE(foreign.error().text.starts_with("bind to 192.0.2.1: ")) << foreign.error().text;
    const Result<Wire> other_family = run(client_loops_[0], Tasks::dial(listener.port(), "::1"));
    EXPECT_FALSE(other_family);
}

TEST_F(ListenerTest, AnIdleConnectionTellsWhetherThereIsNews)
{
    struct Tasks {
        static Task<void> until_news(Wire& wire)
        {
            while (!wire.has_news())
                co_await sleep_for(1ms);
        }
        static Task<bool> has_news(Wire& wire) { co_return wire.has_news(); }
    };
    Listener& listener = listen({.name = "echo", .address = "127.0.0.1"});
    Wire wire = dialled("127.0.0.1", listener.port());
    line(wire);
    EXPECT_FALSE(run(client_loops_[0], Tasks::has_news(wire)));
    say(wire, "NOOP\r\n");
    run(client_loops_[0], Tasks::until_news(wire));
    line(wire);
    EXPECT_FALSE(run(client_loops_[0], Tasks::has_news(wire)));
    listener.stop();
    run(client_loops_[0], Tasks::until_news(wire));
}

TEST_F(ListenerTest, ConnectTellsWhyItFailed)
{
    std::uint16_t closed_port = 0;
    {
        const Result<ListeningSocket> listening = listen_on("127.0.0.1", 0);
        ASSERT_TRUE(listening);
        closed_port = listening->port;
    }
    struct Tasks {
        static Task<Error> failure(std::string address, std::uint16_t port)
        {
            Result<Wire> wire = co_await connect(address, port, patient());
            co_return wire ? Error{} : wire.error();
        }
    };
    const Error refused = run(client_loops_[0], Tasks::failure("127.0.0.1", closed_port));
    EXPECT_EQ(refused.code, ErrorCode::unavailable);
    EXPECT_EQ(refused.text, fmt::format("connect to 127.0.0.1:{}: Connection refused", closed_port));
    EXPECT_EQ(run(client_loops_[0], Tasks::failure("localhost", 25)).code, ErrorCode::malformed);
}

TEST(ConnectionTable, CountsAddressesNetworksAndAccounts)
{
    ConnectionTable table({.per_address = 2, .per_network = 3, .per_account = 1, .total = 5});
    std::vector<ConnectionTable::Ticket> held;
    const auto admit = [&](const char* address) {
        held.push_back(table.admit(address));
        return static_cast<bool>(held.back());
    };
    EXPECT_TRUE(admit("192.0.2.1"));
    EXPECT_TRUE(admit("192.0.2.1"));
    EXPECT_FALSE(admit("192.0.2.1")) << "two an address";
    EXPECT_TRUE(admit("192.0.2.2"));
    EXPECT_FALSE(admit("192.0.2.3")) << "three a /24";
    EXPECT_TRUE(admit("192.0.3.1"));
    EXPECT_TRUE(admit("2001:db8::1"));
    EXPECT_FALSE(admit("198.51.100.1")) << "five in all";
    EXPECT_EQ(table.open(), 5u);
    held.clear();
    EXPECT_EQ(table.open(), 0u);
    EXPECT_TRUE(admit("2001:db8:0:1::1"));
    EXPECT_TRUE(admit("2001:db8:0:1:ffff::2"));
    EXPECT_FALSE(admit("2001:db8:0:1::3")) << "an IPv6 address is its /64";
    EXPECT_TRUE(admit("2001:db8:0:2::1"));
    EXPECT_FALSE(admit("2001:db8:0:3::1")) << "an IPv6 network is its /48";
    EXPECT_TRUE(admit("2001:db8:1::1"));
    const ConnectionTable::Ticket first = table.admit_account(7);
    EXPECT_TRUE(first);
    EXPECT_FALSE(table.admit_account(7));
    EXPECT_TRUE(table.admit_account(8));
}

TEST(ConnectionTable, TicketsOutliveTheTable)
{
    ConnectionTable::Ticket ticket;
    {
        ConnectionTable table({});
        ticket = table.admit("::1");
        EXPECT_TRUE(ticket);
    }
}

// HOSTILE F8, in a process of its own: with no descriptor left accepting pauses without spinning,
// the living session goes on, and the waiting peers are served once there is room.
int survive_exhaustion()
{
    const rlimit limit{64, 64};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    Loops loops(1);
    ConnectionTable table({.per_address = 1000, .per_network = 1000});
    NoLog log;
    TaskGroup group([](std::string_view, std::string_view) { });
    auto listener = Listener::bind({.name = "echo", .address = "127.0.0.1"}, loops, table, log);
    if (!listener)
        return 2;
    (*listener)->start(echo, group);
    struct Peer {
        explicit Peer(std::uint16_t port) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
        {
            sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            if (socket && ::connect(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
                socket = {};
        }
        bool hears(std::string_view text)
        {
            std::string heard(text.size(), '\0');
            return ::recv(socket.number(), heard.data(), heard.size(), MSG_WAITALL) == ssize_t(text.size()) &&
                heard == text;
        }
        Descriptor socket;
    };
    constexpr std::string_view greeting = "220 127.0.0.1\r\n";
    Peer living((*listener)->port());
    if (!living.hears(greeting))
        return 3;
    // Both ends live here, so the descriptors run out twice as fast.
    std::vector<Peer> peers;
    for (;;) {
        Peer peer((*listener)->port());
        if (!peer.socket)
            break;
        peers.push_back(std::move(peer));
    }
    std::this_thread::sleep_for(300ms);
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    std::this_thread::sleep_for(500ms);
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    const auto micros = [](const rusage& usage) {
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
            usage.ru_stime.tv_usec;
    };
    if (micros(after) - micros(before) > 250'000)
        return 4;  // a busy loop would take all of the half second
    if (::send(living.socket.number(), "NOOP", 4, MSG_NOSIGNAL) != 4 || !living.hears("NOOP"))
        return 5;
    // The first peers were served; the last one still waits in the kernel's queue.
    Peer last = std::move(peers.back());
    peers.clear();
    if (!last.hears(greeting))
        return 6;
    (*listener)->stop();
    group.wait();
    return 0;
}

TEST(ListenerExhaustion, RunningOutOfDescriptorsIsSurvived)
{
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        ::_exit(survive_exhaustion());
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace posthouse::net
