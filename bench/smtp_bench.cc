// What a command costs: the grammar alone, and a command's way through the dialogue; and how fast
// message bodies are framed and stuffed.
#include "smtp/body_framer.h"
#include "smtp/command_grammar.h"
#include "smtp/reply_grammar.h"
#include "smtp/trace.h"

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

}  // namespace

BENCHMARK_MAIN();
