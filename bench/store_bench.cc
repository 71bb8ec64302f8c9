// Deliveries of 10 KiB into the store: how many a second, how many share a sync, what CPU each costs.
//
// Each session commits to an account of its own, one delivery at a time, as the MDA does: a check of
// the account's head, seven rows, one body. Sessions run on two loops. The folder is made below
// POSTHOUSE_BENCH_FOLDER, else the current one: it must lie on the disk that is to be measured.
#include "store/key.h"
#include "store/rocksdb/committer.h"
#include "store/rocksdb/rocks_store.h"

#include <filesystem>
#include <latch>
#include <random>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

using namespace posthouse;
using namespace posthouse::store;

namespace {

// Text as mail has it: zstd makes about a third of it.
std::string mail_text(std::size_t size)
{
    std::mt19937 dice(7);
    std::vector<std::string> words;
    for (int i = 0; i < 3000; ++i) {
        std::string word;
        for (unsigned letters = 2 + dice() % 9; letters > 0; --letters)
            word += static_cast<char>('a' + dice() % 26);
        words.push_back(word);
    }
    std::string text;
    while (text.size() < size)
        text += words[dice() % words.size()] + (dice() % 12 == 0 ? "\r\n" : " ");
    text.resize(size);
    return text;
}

double cpu_seconds()
{
    rusage usage;
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Batch delivery(std::uint64_t account, std::uint64_t number, const std::string& body)
{
    const auto row = [](std::uint8_t table, std::uint64_t id, std::size_t size) {
        return Put{KeyBuilder(table).u64(id).key(), std::string(size, static_cast<char>('a' + id % 26))};
    };
    Batch batch{.partition = {PartitionKind::account, account}, .id = number + 1};
    const Key head = KeyBuilder(1).key();
    batch.checks = {{head, number == 0 ? std::nullopt : std::optional(std::to_string(number - 1))}};
    batch.puts = {{head, std::to_string(number)}, row(2, 1, 60),      row(3, number, 600), row(4, number, 40),
                  row(5, number / 128, 128),      row(6, number, 16), row(7, number, 24)};
    batch.puts.push_back({KeyBuilder(1).u64(number).key(), body, Space::bodies});
    return batch;
}

Task<void> session(Store* store, std::uint64_t account, std::uint64_t from, std::uint64_t until,
                   const std::string* body, std::atomic<int>* failures, std::latch* done)
{
    for (std::uint64_t number = from; number < until; ++number) {
        const Outcome outcome = co_await store->commit(delivery(account, number, *body), Deadline::never());
        if (outcome != Outcome::ok)
            ++*failures;
    }
    done->count_down();
}

void deliver(benchmark::State& state)
{
    const auto sessions = static_cast<std::uint64_t>(state.range(0));
    const char* parent = std::getenv("POSTHOUSE_BENCH_FOLDER");
    const std::string folder = std::string(parent != nullptr ? parent : ".") + "/store_bench.tmp";
    std::filesystem::remove_all(folder);
    {
        SystemClock clock;
        NoLog log;
        Workers workers(1, 100);
        Loops loops(2);
        TaskGroup tasks([](auto, auto) { std::abort(); });
        const auto store = RocksStore::open({.folder = folder}, clock, workers, log).value();
        const std::string body = mail_text(10 * 1024);
        std::atomic<int> failures = 0;
        // Enough before the measuring that the first log is full and flushing has begun.
        std::uint64_t done_each = 0;
        const auto round = [&](std::uint64_t each) {
            std::latch done(static_cast<std::ptrdiff_t>(sessions));
            for (std::uint64_t account = 0; account < sessions; ++account)
                tasks.spawn(loops[account], "session",
                            session(store.get(), account, done_each, done_each + each, &body, &failures, &done));
            done.wait();
            done_each += each;
        };
        round(4096 / sessions + 1);
        const CommitFigures before = store->figures();
        const double cpu_before = cpu_seconds();
        const auto begun = clock.steady();
        for (auto _ : state)
            round(4096 / sessions + 1);
        const CommitFigures after = store->figures();
        const double seconds = std::chrono::duration<double>(clock.steady() - begun).count();
        const auto commits = static_cast<double>(after.commits - before.commits);
        state.counters["commits/s"] = commits / seconds;
        state.counters["cpu_us/commit"] = (cpu_seconds() - cpu_before) / commits * 1e6;
        state.counters["commits/sync"] = commits / static_cast<double>(after.syncs - before.syncs);
        if (failures > 0)
            state.SkipWithError("a commit failed");
        tasks.wait();
    }
    std::filesystem::remove_all(folder);
}

}  // namespace

BENCHMARK(deliver)
    ->Arg(1)
    ->Arg(8)
    ->Arg(16)
    ->Arg(32)
    ->Arg(64)
    ->Arg(128)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2);

BENCHMARK_MAIN();
