// RETR of everything: POP3 sessions over loopback, each its own account, as `mclient pop3` of the
// comparison with peers does; over RocksDB and over the store in memory.
//
// Arguments: sessions, RETR commands under way in each. The clients' own time is in the figures.
#include "directory/make.h"
#include "mailbox/fixture.h"
#include "pop3/server/server.h"
#include "store/rocksdb/rocks_store.h"

#include <filesystem>

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace posthouse;

namespace {

constexpr std::uint32_t messages = 1000;  // an account
constexpr std::size_t message_bytes = 4096;

std::string folder() { return "pop3_bench.tmp"; }

struct Rocks {
    Rocks()
    {
        std::filesystem::remove_all(folder());
        store = store::RocksStore::open({.folder = folder()}, clock, workers, log).value();
    }
    ~Rocks()
    {
        store.reset();
        std::filesystem::remove_all(folder());
    }
    SystemClock clock;
    NoLog log;
    Workers workers{1, 100};
    std::unique_ptr<store::RocksStore> store;
    store::Store& engine() { return *store; }
};
struct InMemory {
    SystemClock clock;
    store::MemoryStore store{clock};
    store::Store& engine() { return store; }
};

// A blocking client, as plain as can be.
class Client {
public:
    Client(std::uint16_t port, const std::string& user) : socket_(::socket(AF_INET, SOCK_STREAM, 0))
    {
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            std::abort();
        expect_line();
        say("USER " + user + "\r\n");
        expect_line();
        say("PASS secret\r\n");
        expect_line();
    }
    ~Client()
    {
        say("QUIT\r\n");
        expect_line();
        ::close(socket_);
    }

    void retrieve_all(std::uint32_t depth)
    {
        std::uint32_t asked = 0;
        for (std::uint32_t got = 0; got < messages; ++got) {
            std::string commands;
            while (asked < messages && asked - got < depth)
                commands += fmt::format("RETR {}\r\n", ++asked);
            if (!commands.empty())
                say(commands);
            expect_message();
        }
    }

private:
    void say(const std::string& text)
    {
        if (::send(socket_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
            std::abort();
    }
    void fill()
    {
        char bytes[65536];
        const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
        if (count <= 0)
            std::abort();
        buffer_.erase(0, at_);
        at_ = 0;
        buffer_.append(bytes, static_cast<std::size_t>(count));
    }
    void expect(std::string_view end)
    {
        std::size_t from = at_;
        for (;;) {
            const std::size_t found = buffer_.find(end, from);
            if (found != std::string::npos) {
                if (buffer_[at_] != '+')
                    std::abort();
                at_ = found + end.size();
                return;
            }
            const std::size_t scanned = buffer_.size() - at_;
            fill();
            from = at_ + (scanned > end.size() ? scanned - end.size() : 0);
        }
    }
    void expect_line() { expect("\r\n"); }
    void expect_message() { expect("\r\n.\r\n"); }

    int socket_;
    std::string buffer_;
    std::size_t at_ = 0;
};

double cpu_seconds()
{
    rusage usage;
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
        static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

Task<bool> file_all(mailbox::House* house, Id account, WallTime now)
{
    const auto handle = co_await house->mailboxes->open(account, account);
    for (std::uint32_t i = 0; i < messages; ++i) {
        mailbox::Filing filing =
            mailbox::filing_of(mailbox::message_text(fmt::format("m{}", i), message_bytes), {{}}, now);
        const auto filed = co_await (*handle)->file(std::move(filing));
        if (!filed)
            std::abort();
    }
    co_return true;
}

template <class Engine> void retrieve(benchmark::State& state)
{
    const auto sessions = static_cast<std::size_t>(state.range(0));
    const auto depth = static_cast<std::uint32_t>(state.range(1));
    Engine engine;
    mailbox::House house(engine.engine(), engine.clock);
    Workers workers{2, 1000};
    SystemRandom random;
    NoRecorder recorder;
    directory::Made made = directory::make_directory(
        {engine.engine(), house.ids, engine.clock, random, workers, house.log},
        {.argon2_kib = 64, .argon2_passes = 1, .scram_iterations = 4096, .guesses_at_once = 1'000'000});
    (void)house.run(made.directory->add_domain("north.test"));
    std::vector<std::future<bool>> filing;
    for (std::size_t i = 0; i < sessions; ++i) {
        const auto account = house.run(made.directory->add_account(fmt::format("u{}@north.test", i), "secret", ""));
        filing.push_back(mailbox::start_on(house.loops[i], file_all(&house, account->id, engine.clock.now())));
    }
    for (std::future<bool>& one : filing)
        one.get();
    net::ConnectionTable connections({.per_address = 1000, .per_network = 1000});
    pop3::Server server(
        {engine.clock, house.log, recorder, house.ids, *made.authenticator, *house.mailboxes, connections},
        {.name = "north.test", .allow_plaintext_login = true});
    TaskGroup group([](auto, auto) { std::abort(); });
    auto listener =
        net::Listener::bind({.name = "pop3", .address = "127.0.0.1"}, house.loops, connections, house.log).value();
    listener->start([&server](net::Wire wire) { return server.serve(std::move(wire)); }, group);

    const double cpu = cpu_seconds();
    for (auto _ : state) {
        std::vector<std::jthread> clients;
        for (std::size_t i = 0; i < sessions; ++i)
            clients.emplace_back([&, i] {
                Client client(listener->port(), fmt::format("u{}@north.test", i));
                client.retrieve_all(depth);
            });
        clients.clear();
    }
    const auto count = static_cast<double>(state.iterations()) * static_cast<double>(sessions) * messages;
    state.counters["messages/s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
    state.counters["cpu us/message"] = (cpu_seconds() - cpu) * 1e6 / count;
    listener->stop();
    group.wait();
}
BENCHMARK(retrieve<InMemory>)
    ->Args({1, 1})
    ->Args({1, 16})
    ->Args({20, 1})
    ->Iterations(5)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(retrieve<Rocks>)
    ->Args({1, 1})
    ->Args({1, 16})
    ->Args({20, 1})
    ->Iterations(5)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
