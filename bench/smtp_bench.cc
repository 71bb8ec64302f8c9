// What a command costs: the grammar alone, and a command's way through the dialogue; and how fast
// message bodies are framed and stuffed.
#include "smtp/body_framer.h"
#include "smtp/command_grammar.h"
#include "smtp/reply_grammar.h"
#include "smtp/test_door.h"
#include "smtp/trace.h"

#include <fstream>

#include <benchmark/benchmark.h>

using namespace posthouse;
using namespace posthouse::smtp;

namespace {

constexpr Extensions announced{};

// The commands of one mail, as clients send them.
void commands_of_a_mail(benchmark::State& state)
{
    constexpr std::array<std::string_view, 5> lines{"EHLO client.example.org",
                                                    "MAIL FROM:<alice@north.test> SIZE=10240 BODY=8BITMIME",
                                                    "RCPT TO:<bob.the.builder@south.example.org>", "DATA", "QUIT"};
    for (auto _ : state) {
        for (const std::string_view line : lines) {
            const Parsed<Command> parsed = command(line);
            switch (parsed->verb) {
            case Verb::ehlo: benchmark::DoNotOptimize(hello_argument(parsed->verb, parsed->argument)); break;
            case Verb::mail: benchmark::DoNotOptimize(mail_argument(parsed->argument, announced)); break;
            case Verb::rcpt: benchmark::DoNotOptimize(rcpt_argument(parsed->argument, announced)); break;
            default: benchmark::DoNotOptimize(no_argument(parsed->verb, parsed->argument)); break;
            }
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lines.size()));
}
BENCHMARK(commands_of_a_mail);

void mail_command(benchmark::State& state)
{
    for (auto _ : state) {
        const Parsed<Command> parsed = command("MAIL FROM:<alice@north.test> SIZE=10240 BODY=8BITMIME");
        benchmark::DoNotOptimize(mail_argument(parsed->argument, announced));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(mail_command);

std::string body_of(std::size_t bytes)
{
    std::string body;
    for (std::size_t line = 0; body.size() < bytes; ++line)
        body += (line % 40 == 0 ? "." : "") + std::string(70, static_cast<char>('a' + line % 26)) + "\r\n";
    return body;
}

void frame_data(benchmark::State& state)
{
    const std::string input = body_of(10'240) + ".\r\n";
    for (auto _ : state) {
        DataFramer framer;
        std::string out;
        out.reserve(input.size());
        benchmark::DoNotOptimize(framer.next(input, out));
        benchmark::DoNotOptimize(out.data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(input.size()));
}
BENCHMARK(frame_data);

void stuff_dots(benchmark::State& state)
{
    const std::string body = body_of(10'240);
    for (auto _ : state) {
        DotStuffer stuffer;
        std::string out;
        out.reserve(body.size() + 100);
        stuffer.stuff(body, out);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(stuff_dots);

void watch_header(benchmark::State& state)
{
    const std::string header = body_of(2'048);
    for (auto _ : state) {
        HeaderWatch watch;
        benchmark::DoNotOptimize(watch.watch(header));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(header.size()));
}
BENCHMARK(watch_header);

void write_and_read_reply(benchmark::State& state)
{
    const Reply reply{250, "2.0.0", "10240 bytes queued as 01hf3k2m5n7p9"};
    for (auto _ : state) {
        std::string wire;
        append_to(wire, reply);
        ReplyParser parser;
        benchmark::DoNotOptimize(parser.line(std::string_view(wire).substr(0, wire.size() - 2)));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_and_read_reply);

Task<void> wait_for(net::Wire& wire, std::string last)
{
    while (wire.input().find(last) == std::string_view::npos || !wire.input().ends_with("\r\n"))
        co_await wire.fill(Deadline::never());
    wire.consume(wire.input().size());
}

// The client's half: mails of 10 KiB in one session, the envelope pipelined, the rest by turns.
Task<void> send_mails(net::Wire wire, std::int64_t count, std::string body)
{
    co_await wait_for(wire, "220 ");
    co_await wire.write(std::string("EHLO bench.test\r\n"), Deadline::never());
    co_await wait_for(wire, "250 HELP");
    for (std::int64_t i = 0; i < count; ++i) {
        co_await wire.write(std::string("MAIL FROM:<alice@north.test>\r\nRCPT TO:<bob@north.test>\r\nDATA\r\n"),
                            Deadline::never());
        co_await wait_for(wire, "354 ");
        co_await wire.write(body + ".\r\n", Deadline::never());
        co_await wait_for(wire, "250 2.0.0");
    }
    co_await wire.write(std::string("QUIT\r\n"), Deadline::never());
}

Task<void> hold_session(Server& server, TaskGroup& group, std::int64_t count)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    auto ends = net::connected_pair(executor);
    group.spawn_here(executor, "client", send_mails(std::move(ends->second), count, body_of(10'240)));
    co_await server.serve(std::move(ends->first));
}

// Both ends on one thread over a socket pair, the store left out: an upper bound of what the
// protocol costs a message.
void mail_through_a_session(benchmark::State& state)
{
    TestHouse house;
    NoRecorder recorder;
    ServerServices services{house.door, house.ids, house.clock, recorder, house.log, nullptr};
    Server server(services, TestHouse::hasty());
    constexpr std::int64_t mails = 1000;
    for (auto _ : state) {
        Loop loop;
        TaskGroup group([](std::string_view, std::string_view) { std::abort(); });
        group.spawn(loop, "session", hold_session(server, group, mails));
        loop.post([&loop, &group] {
            while (group.running() > 0)
                loop.context().run_one();
            loop.stop();
        });
        loop.run();
        house.door.intake.kept.clear();
    }
    state.SetItemsProcessed(state.iterations() * mails);
}
BENCHMARK(mail_through_a_session)->Unit(benchmark::kMillisecond);

std::int64_t resident_bytes()
{
    std::ifstream file("/proc/self/statm");
    std::int64_t pages = 0;
    file >> pages >> pages;
    return pages * 4096;
}

Task<void> open_sessions(Server& server, TaskGroup& group, std::vector<net::Wire>& clients, int count)
{
    const LoopExecutor executor = co_await asio::this_coro::executor;
    for (int i = 0; i < count; ++i) {
        auto ends = net::connected_pair(executor);
        group.spawn_here(executor, "session", server.serve(std::move(ends->first)));
        co_await wait_for(ends->second, "220 ");
        co_await ends->second.write(std::string("EHLO bench.test\r\n"), Deadline::never());
        co_await wait_for(ends->second, "250 HELP");
        clients.push_back(std::move(ends->second));
    }
}

// Sessions that have said EHLO and wait; the clients' ends are in the figure too.
void idle_sessions(benchmark::State& state)
{
    TestHouse house;
    NoRecorder recorder;
    ServerServices services{house.door, house.ids, house.clock, recorder, house.log, nullptr};
    Server server(services, TestHouse::hasty());
    for (auto _ : state) {
        Loop loop;
        TaskGroup group([](std::string_view, std::string_view) { std::abort(); });
        std::vector<net::Wire> clients;
        constexpr int count = 2000;
        const std::int64_t before = resident_bytes();
        group.spawn(loop, "clients", open_sessions(server, group, clients, count));
        while (clients.size() < count || loop.context().poll_one() > 0)
            loop.context().run_one();
        state.counters["bytes_a_session"] = static_cast<double>(resident_bytes() - before) / count;
        clients.clear();
        while (group.running() > 0)
            loop.context().run_one();
    }
}
BENCHMARK(idle_sessions)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
