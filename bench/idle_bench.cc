// What an idle connection costs: resident bytes of the server's process, a connection.
//
//     idle_bench [plain|tls] [connections]
//
// The clients live in a process of their own (forked before anything is allocated), so that only
// the server's end is counted. Each connection is greeted, answers one line, and then waits: what
// a session before login or in IDLE does. Also counted: context switches of the server while all
// of them are idle, which must be none a connection.
#include "net/listener.h"
#include "net/tls.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netinet/in.h>

using namespace posthouse;

namespace {

Deadline half_an_hour() { return {std::chrono::steady_clock::now() + 30min}; }

// The shape of a small session: greeting, one command, its reply, then the long wait.
Task<void> session(net::Wire wire)
{
    const Result<void> greeted = co_await wire.write(std::string("220 idle.test\r\n"), half_an_hour());
    if (!greeted)
        co_return;
    for (;;) {
        const Result<void> filled = co_await wire.fill(half_an_hour());
        if (!filled)
            co_return;
        wire.consume(wire.input().size());
        const Result<void> sent = co_await wire.write(std::string("250 idle.test\r\n"), half_an_hour());
        if (!sent)
            co_return;
    }
}

long status_field(const char* name)
{
    std::ifstream in("/proc/self/status");
    std::string word;
    while (in >> word)
        if (word == name) {
            long value = 0;
            in >> value;
            return value;
        }
    return 0;
}

long switches()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

bool exchange(int socket, SSL* tls)
{
    char buffer[64];
    const auto read_some = [&] {
        return tls != nullptr ? SSL_read(tls, buffer, sizeof buffer) : ::recv(socket, buffer, sizeof buffer, 0);
    };
    static constexpr std::string_view command = "EHLO idle\r\n";
    const auto sent = tls != nullptr ? SSL_write(tls, command.data(), int(command.size()))
                                     : ::send(socket, command.data(), command.size(), 0);
    std::string heard;
    while (sent > 0 && !heard.contains("250 ")) {
        const auto count = read_some();
        if (count <= 0)
            return false;
        heard.append(buffer, std::size_t(count));
    }
    return sent > 0;
}

// Opens the connections, tells how many by one number, and holds them until its input ends.
void be_clients(int from_server, int to_server)
{
    std::uint16_t port = 0;
    int count = 0;
    bool with_tls = false;
    if (::read(from_server, &port, sizeof port) <= 0 || ::read(from_server, &count, sizeof count) <= 0 ||
        ::read(from_server, &with_tls, sizeof with_tls) <= 0)
        return;
    SSL_CTX* context = with_tls ? SSL_CTX_new(TLS_client_method()) : nullptr;
    if (context != nullptr)
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    int good = 0;
    for (int i = 0; i < count; ++i) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            break;
        SSL* tls = nullptr;
        if (context != nullptr) {
            tls = SSL_new(context);
            SSL_set_fd(tls, socket);
            if (SSL_connect(tls) != 1)
                break;
        }
        if (!exchange(socket, tls))
            break;
        ++good;
    }
    if (::write(to_server, &good, sizeof good) <= 0)
        return;
    char end;
    [[maybe_unused]] const auto ended = ::read(from_server, &end, 1);
}

int be_server(bool with_tls, int count, int to_clients, int from_clients)
{
    NoLog log;
    Loops loops(2);
    net::ConnectionTable table({.per_address = 1'000'000, .per_network = 1'000'000, .total = 1'000'000});
    TaskGroup group([](std::string_view name, std::string_view what) {
        std::fprintf(stderr, "%s: %s\n", std::string(name).c_str(), std::string(what).c_str());
    });
    std::unique_ptr<net::TlsContext> tls;
    if (with_tls) {
        char folder[] = "/tmp/idle-bench-XXXXXX";
        if (::mkdtemp(folder) == nullptr)
            return 1;
        const net::TlsContext::Files files{std::string(folder) + "/a.pem", std::string(folder) + "/a.key"};
        if (!net::make_self_signed({"idle.test"}, files, 1))
            return 1;
        tls = std::move(*net::TlsContext::server({files}));
        ::unlink(files.certificate.c_str());
        ::unlink(files.key.c_str());
        ::rmdir(folder);
    }
    auto listener =
        net::Listener::bind({.name = "idle", .address = "127.0.0.1", .implicit_tls = tls.get()}, loops, table, log);
    if (!listener)
        return 1;
    (*listener)->start(session, group);
    const std::uint16_t port = (*listener)->port();

    ::malloc_trim(0);
    const long before = status_field("VmRSS:");
    int good = 0;
    if (::write(to_clients, &port, sizeof port) <= 0 || ::write(to_clients, &count, sizeof count) <= 0 ||
        ::write(to_clients, &with_tls, sizeof with_tls) <= 0 || ::read(from_clients, &good, sizeof good) <= 0)
        return 1;
    const long after = status_field("VmRSS:");
    const long switches_before = switches();
    std::this_thread::sleep_for(3s);
    const long woken = switches() - switches_before;
    ::malloc_trim(0);
    const long trimmed = status_field("VmRSS:");
    fmt::print("{} {} connections: {:.2f} KiB each resident ({:.2f} after malloc_trim), {} KiB in all; "
               "{} context switches of the whole process in 3 s idle\n",
               with_tls ? "tls" : "plain", good, double(after - before) / good, double(trimmed - before) / good, after,
               woken);
    (*listener)->stop();
    ::close(to_clients);
    group.wait();
    return good == count ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    const bool with_tls = argc > 1 && std::strcmp(argv[1], "tls") == 0;
    const int count = argc > 2 ? std::atoi(argv[2]) : 1000;
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int down[2];
    int up[2];
    if (::pipe(down) != 0 || ::pipe(up) != 0)
        return 1;
    const pid_t clients = ::fork();
    if (clients == 0) {
        ::close(down[1]);
        ::close(up[0]);
        be_clients(down[0], up[1]);
        return 0;
    }
    ::close(down[0]);
    ::close(up[1]);
    const int result = be_server(with_tls, count, down[1], up[0]);
    ::waitpid(clients, nullptr, 0);
    return result;
}
