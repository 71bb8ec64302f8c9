// The mailbox room: deliveries of 10 KiB into one mailbox and into many, opening big mailboxes, STORE of
// 10,000; over RocksDB, and over the store in memory to see what the room itself costs.
//
// The folder is made below POSTHOUSE_BENCH_FOLDER, else the current one: it must lie on the disk that is to
// be measured.
#include "mailbox/block.h"
#include "mailbox/fixture.h"
#include "mailbox/rows.h"
#include "store/rocksdb/committer.h"
#include "store/rocksdb/rocks_store.h"

#include <filesystem>
#include <latch>
#include <random>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

using namespace posthouse;
using namespace posthouse::mailbox;

namespace {

double cpu_seconds()
{
    rusage usage;
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string bench_folder()
{
    const char* parent = std::getenv("POSTHOUSE_BENCH_FOLDER");
    return std::string(parent != nullptr ? parent : ".") + "/mailbox_bench.tmp";
}

// Text as mail has it: zstd makes about a third of it.
std::string mail_text(std::string_view id, std::size_t size)
{
    static const std::vector<std::string> words = [] {
        std::mt19937 dice(7);
        std::vector<std::string> made;
        for (int i = 0; i < 3000; ++i) {
            std::string word;
            for (unsigned letters = 2 + dice() % 9; letters > 0; --letters)
                word += static_cast<char>('a' + dice() % 26);
            made.push_back(word);
        }
        return made;
    }();
    std::minstd_rand dice(static_cast<unsigned>(std::hash<std::string_view>()(id)));
    std::string text = message_text(id, 0);
    while (text.size() < size)
        text += words[dice() % words.size()] + (dice() % 12 == 0 ? "\r\n" : " ");
    text.resize(size);
    return text;
}

// A house over RocksDB in a fresh folder, or over memory.
struct Rocks {
    explicit Rocks(bool keep = false)
    {
        if (!keep)
            std::filesystem::remove_all(bench_folder());
        store = store::RocksStore::open({.folder = bench_folder()}, clock, workers, log).value();
    }
    SystemClock clock;
    NoLog log;
    Workers workers{1, 100};
    std::unique_ptr<store::RocksStore> store;
    store::Store& engine() { return *store; }
    double syncs() const { return static_cast<double>(store->figures().syncs); }
};
struct InMemory {
    SystemClock clock;
    store::MemoryStore store{clock};
    store::Store& engine() { return store; }
    double syncs() const { return static_cast<double>(store.commits()); }
};

// One session: files what has been prepared for it, one after another.
Task<void> session(Mailboxes* mailboxes, AccountId account, std::vector<Filing>* filings, std::atomic<int>* failures,
                   std::latch* done)
{
    for (Filing& filing : *filings) {
        Result<AccountPtr> handle = co_await mailboxes->open_for_delivery(account);
        Result<Filed> filed = co_await (*handle)->file(std::move(filing));
        if (!filed)
            ++*failures;
    }
    done->count_down();
}

template <class Engine> void deliver(benchmark::State& state)
{
    const auto sessions = static_cast<std::size_t>(state.range(0));
    const auto accounts = static_cast<std::uint64_t>(state.range(1));
    const std::size_t each = std::max<std::size_t>(20'000 / std::max<std::size_t>(sessions, 20), 1);
    Engine engine;
    double cpu = 0;
    double seconds = 0;
    double syncs = 0;
    std::uint64_t messages = 0;
    {
        House house(engine.engine(), engine.clock);
        TaskGroup tasks([](auto, auto) { std::abort(); });
        std::uint64_t serial = 0;
        for (auto _ : state) {
            // Text and digest are made outside of the measuring: they are other rooms' work.
            std::vector<std::vector<Filing>> filings(sessions);
            for (auto& of_session : filings)
                for (std::size_t i = 0; i < each; ++i) {
                    of_session.push_back(filing_of(mail_text(std::to_string(++serial), 10 * 1024), {{.name = "INBOX"}},
                                                   engine.clock.now()));
                    of_session.back().quota = Quota::exempt;
                }
            std::atomic<int> failures = 0;
            std::latch done(static_cast<std::ptrdiff_t>(sessions));
            const double cpu_before = cpu_seconds();
            const double syncs_before = engine.syncs();
            const SteadyTime begun = engine.clock.steady();
            for (std::size_t i = 0; i < sessions; ++i)
                tasks.spawn(house.loops[i % 2], "session",
                            session(house.mailboxes.get(), 1 + i % accounts, &filings[i], &failures, &done));
            done.wait();
            const double took = std::chrono::duration<double>(engine.clock.steady() - begun).count();
            state.SetIterationTime(took);
            seconds += took;
            cpu += cpu_seconds() - cpu_before;
            syncs += engine.syncs() - syncs_before;
            messages += sessions * each;
            if (failures > 0)
                state.SkipWithError("a filing failed");
        }
        tasks.wait();
    }
    state.counters["messages/s"] = static_cast<double>(messages) / seconds;
    state.counters["cpu_us"] = cpu * 1e6 / static_cast<double>(messages);
    state.counters["commits"] = syncs / static_cast<double>(messages);
    std::filesystem::remove_all(bench_folder());
}

Task<bool> write_rows(store::Store* store, std::vector<store::Batch>* batches)
{
    for (store::Batch& batch : *batches) {
        const store::Outcome outcome = co_await store->commit(std::move(batch), Deadline::never());
        if (outcome != store::Outcome::ok)
            co_return false;
    }
    co_return true;
}

// INBOX with `messages` messages, written as rows: a million deliveries would take minutes. E-mail rows are left out.
void make_big_inbox(House& house, AccountId account, std::uint32_t messages)
{
    house.open(account);
    house.close();
    const store::Partition partition = partition_of(account);
    const auto rows = house.run(house.store.scan(partition, {}, 1000, Deadline::never())).value().rows;
    HeadRow head;
    MailboxRow inbox;
    for (const store::Row& row : rows) {
        if (row.key == head_key())
            head = read_head(row.value).value();
        store::KeyReader key(row.key);
        if (static_cast<Table>(key.u8()) != Table::mailbox)
            continue;
        const NodeId node = key.u64();
        const auto mailbox = read_mailbox(node, row.value).value();
        if (mailbox.leaf == "INBOX")
            inbox = mailbox;
    }
    std::vector<store::Batch> batches;
    const auto begin_batch = [&] {
        batches.push_back({.partition = partition, .id = house.ids.next(), .durability = store::Durability::lazy});
    };
    begin_batch();
    std::minstd_rand dice(1);
    EmailId email = EmailId{1'700'000'000'000} << 16;
    Block block;
    for (Uid uid = 1; uid <= messages; ++uid) {
        email += (EmailId{dice() % 600'000} << 16) + dice() % 4096;  // one in five minutes
        const WallTime date = WallTime(std::chrono::milliseconds(email >> 16)) + Duration(dice() % 1'000'000);
        block.number = block_of(uid);
        block.entries.push_back({.uid = uid,
                                 .email = email,
                                 .modseq = uid,
                                 .internal_date = date,
                                 .save_date = date,
                                 .size = 2000 + dice() % 30'000});
        if (dice() % 4 != 0)
            block.entries.back().flags.add(SystemFlag::seen);
        else
            ++inbox.unseen;
        inbox.bytes += block.entries.back().size;
        if (uid % block_span == block_span - 1 || uid == messages) {
            if (batches.back().puts.size() == 100)
                begin_batch();
            batches.back().puts.push_back({block_key(inbox.shelf, block.number), write_block(block)});
            block.entries.clear();
        }
    }
    inbox.messages = messages;
    inbox.uid_next = messages + 1;
    inbox.highest_modseq = head.modseq = messages + 1;
    head.messages = messages;
    head.bytes = inbox.bytes;
    begin_batch();
    batches.back().durability = store::Durability::synced;
    batches.back().puts = {{head_key(), write_head(head)}, {mailbox_key(inbox.node), write_mailbox(inbox)}};
    if (!house.run(write_rows(&house.store, &batches)))
        std::abort();
}

// From a store just opened: nothing is in its caches, the files are in the operating system's.
void open_mailbox(benchmark::State& state)
{
    {
        Rocks rocks;
        House house(*rocks.store, rocks.clock);
        make_big_inbox(house, 1, static_cast<std::uint32_t>(state.range(0)));
    }
    std::uint32_t messages = 0;
    for (auto _ : state) {
        Rocks rocks(true);
        House house(*rocks.store, rocks.clock);
        const AccountPtr account = house.open(1);
        const MailboxId inbox = house.run(account->tree()).value()->find("INBOX")->id;
        const SteadyTime begun = rocks.clock.steady();
        const SnapshotPtr snapshot = house.run(account->snapshot(inbox)).value();
        state.SetIterationTime(std::chrono::duration<double>(rocks.clock.steady() - begun).count());
        messages = snapshot->size();
    }
    state.counters["messages"] = messages;
    std::filesystem::remove_all(bench_folder());
}

void store_flags(benchmark::State& state)
{
    Rocks rocks;
    House house(*rocks.store, rocks.clock);
    make_big_inbox(house, 1, 100'000);
    house.reopen();
    const AccountPtr account = house.open(1);
    const MailboxId inbox = house.run(account->tree()).value()->find("INBOX")->id;
    NumberSet uids;
    uids.add({40'001, 50'000});
    bool add = true;
    const double commits = static_cast<double>(rocks.store->figures().commits);
    for (auto _ : state) {
        const auto change = std::exchange(add, !add) ? FlagChange::add : FlagChange::remove;
        const auto stored = house.run(account->store_flags(inbox, {uids, change, {"\\Flagged"}, std::nullopt}));
        if (!stored)
            state.SkipWithError("STORE failed");
    }
    state.counters["commits"] =
        (static_cast<double>(rocks.store->figures().commits) - commits) / static_cast<double>(state.iterations());
    std::filesystem::remove_all(bench_folder());
}

void pack_block(benchmark::State& state)
{
    Block block{.number = 7};
    std::minstd_rand dice(1);
    EmailId email = EmailId{1'700'000'000'000} << 16;
    for (Uid uid = 7 * block_span; uid < 8 * block_span; ++uid) {
        email += (EmailId{dice() % 600'000} << 16) + dice() % 4096;
        const WallTime date = WallTime(std::chrono::milliseconds(email >> 16));
        block.entries.push_back(
            {.uid = uid, .email = email, .modseq = uid, .internal_date = date, .save_date = date, .size = 4000});
    }
    const std::string row = write_block(block);
    for (auto _ : state) {
        if (state.range(0) == 0)
            benchmark::DoNotOptimize(write_block(block));
        else
            benchmark::DoNotOptimize(read_block(7, row));
    }
    state.counters["row_bytes"] = static_cast<double>(row.size());
}

}  // namespace

BENCHMARK(deliver<Rocks>)
    ->Name("deliver/rocksdb")
    ->ArgNames({"sessions", "accounts"})
    ->Args({1, 1})
    ->Args({20, 1})
    ->Args({100, 1})
    ->Args({20, 20})
    ->Args({100, 100})
    ->UseManualTime()
    ->Iterations(2)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(deliver<InMemory>)
    ->Name("deliver/memory")
    ->ArgNames({"sessions", "accounts"})
    ->Args({1, 1})
    ->Args({100, 1})
    ->Args({100, 100})
    ->UseManualTime()
    ->Iterations(2)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(open_mailbox)
    ->Arg(1000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->UseManualTime()
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(store_flags)->Name("store_flags/10000")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(pack_block)->ArgName("read")->Arg(0)->Arg(1);
BENCHMARK_MAIN();
