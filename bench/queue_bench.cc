// The queue over RocksDB: acceptance and relaying through a carrier that takes everything at once, and a queue
// of a million entries for a thousand destinations that are all down: its start, its memory, and what it
// costs those who come in meanwhile.
//
//     queue_bench relay [messages]       in → queue → out, 10 KiB each, 20 sessions
//     queue_bench million [entries] [destinations]
//
// The folder is made below POSTHOUSE_BENCH_FOLDER, else the current one: it must lie on the disk that is to
// be measured.
#include "directory/make.h"
#include "mta/queue/queue.h"
#include "store/blobs.h"
#include "store/rocksdb/rocks_store.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>

#include <sys/resource.h>

using namespace posthouse;
using namespace posthouse::mta::queue;

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

double seconds_since(SteadyTime begin)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Resident, without what the disk caches.
double resident_mib()
{
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line))
        if (line.starts_with("RssAnon:"))
            return std::strtod(line.c_str() + 8, nullptr) / 1024;
    return 0;
}

std::string bench_folder()
{
    const char* parent = std::getenv("POSTHOUSE_BENCH_FOLDER");
    return std::string(parent != nullptr ? parent : ".") + "/queue_bench.tmp";
}

template <class T> T run(Loop& loop, Task<T> task)
{
    std::promise<T> promise;
    asio::co_spawn(loop.executor(), std::move(task), [&promise](std::exception_ptr bug, T result) {
        bug ? promise.set_exception(bug) : promise.set_value(std::move(result));
    });
    return promise.get_future().get();
}

// "….down" fails; everybody else takes the whole message.
class BenchCarrier final : public smtp::Carrier {
public:
    Task<std::string> destination_of(std::string domain) override { co_return domain; }
    Task<std::vector<smtp::RecipientFate>> carry(smtp::Shipment shipment) override
    {
        smtp::RecipientFate fate;
        if (shipment.domain.ends_with(".down")) {
            fate.status = "4.4.1";
            fate.reason = "the host does not answer";
            fate.host_failed = true;
            ++failures;
        } else {
            const std::unique_ptr<smtp::MessageSource> source = shipment.content();
            for (;;) {
                const Result<std::string> piece = co_await source->next();
                if (!piece || piece->empty())
                    break;
            }
            fate.fate = smtp::Fate::relayed;
            fate.reply = {250, "2.0.0", "ok"};
            ++relayed;
        }
        co_return std::vector<smtp::RecipientFate>(shipment.envelope.recipients.size(), fate);
    }
    std::atomic<std::uint64_t> relayed = 0;
    std::atomic<std::uint64_t> failures = 0;
};

class NoCourier final : public mailbox::Courier {
public:
    Task<Result<mailbox::Filed>> deliver(mailbox::Delivery) override { co_return mailbox::Filed{}; }
    Task<Result<void>> has_room(mailbox::AccountId, std::uint64_t) override { co_return Result<void>{}; }
};

class NoQuotas final : public mailbox::Quotas {
public:
    Task<Result<std::uint64_t>> limit_of(mailbox::AccountId) override { co_return std::uint64_t{0}; }
};

struct House {
    House()
    {
        queue =
            std::make_unique<Queue>(QueueServices{*store, *blobs, *directory.directory, *mailboxes, courier, &carrier,
                                                  nullptr, loops, ids, clock, random, recorder, log, tasks});
    }
    ~House()
    {
        queue->stop();
        tasks.wait();
        run(loops[0], end());
    }
    Task<bool> end()
    {
        co_await mailboxes->stop();
        co_return true;
    }
    void start() { tasks.spawn(loops[0], "queue", queue->run()); }

    SystemClock clock;
    SystemRandom random;
    IdSource ids{clock, random};
    NoRecorder recorder;
    NoLog log;
    Workers workers{4, 100'000};
    Loops loops{2};
    std::unique_ptr<store::RocksStore> store =
        store::RocksStore::open({.folder = bench_folder()}, clock, workers, log).value();
    std::unique_ptr<store::Blobs> blobs = store::make_blobs(*store, ids);
    directory::Made directory = directory::make_directory({*store, ids, clock, random, workers, log});
    NoQuotas quotas;
    std::unique_ptr<mailbox::Mailboxes> mailboxes =
        mailbox::make_mailboxes({*store, *blobs, loops, ids, clock, quotas, log});
    NoCourier courier;
    BenchCarrier carrier;
    TaskGroup tasks{[](std::string_view, std::string_view what) { std::printf("a bug: %s\n", what.data()); }};
    std::unique_ptr<Queue> queue;
};

std::shared_ptr<const std::string> text_of(std::size_t size)
{
    std::string text = "Subject: x\r\n\r\n";
    while (text.size() < size)
        text += "a line of a message as people write them, more or less\r\n";
    return std::make_shared<const std::string>(std::move(text));
}

Task<bool> send_many(House& house, std::shared_ptr<const std::string> text, std::string domain, std::size_t count)
{
    for (std::size_t i = 0; i < count; ++i) {
        Accepted accepted;
        accepted.item.id = house.ids.next();
        accepted.item.arrived = house.clock.now();
        accepted.item.envelope.reverse_path = {"alice", "north.test"};
        accepted.item.size = accepted.letter.content.size = text->size();
        accepted.letter.content.bytes = text;
        accepted.letter.digest = std::make_shared<const message::Digest>();
        Entry entry;
        entry.recipient.path = {"carol", domain};
        accepted.entries.push_back(std::move(entry));
        const Result<void> taken = co_await house.queue->accept(std::move(accepted), 5s);
        if (!taken)
            co_return false;
    }
    co_return true;
}

// Messages a second that are taken, by 20 sessions.
double intake(House& house, std::shared_ptr<const std::string> text, const std::string& domain, std::size_t messages)
{
    constexpr std::size_t sessions = 20;
    const SteadyTime begin = std::chrono::steady_clock::now();
    std::latch ended(sessions);
    for (std::size_t i = 0; i < sessions; ++i)
        asio::co_spawn(house.loops[i].executor(), send_many(house, text, domain, messages / sessions),
                       [&ended](std::exception_ptr, bool) { ended.count_down(); });
    ended.wait();
    return static_cast<double>(messages) / seconds_since(begin);
}

void measure_relay(std::size_t messages)
{
    House house;
    house.start();
    const auto text = text_of(10 * 1024);
    intake(house, text, "south.test", 2'000);  // warm
    while (house.carrier.relayed < 2'000)
        std::this_thread::sleep_for(1ms);
    const double cpu = cpu_seconds();
    const SteadyTime begin = std::chrono::steady_clock::now();
    const double taken = intake(house, text, "south.test", messages);
    while (house.carrier.relayed < messages + 2'000)
        std::this_thread::sleep_for(1ms);
    std::printf("taken %.0f/s, relayed %.0f/s, %.3f ms of CPU a message (without SMTP)\n", taken,
                static_cast<double>(messages) / seconds_since(begin),
                (cpu_seconds() - cpu) * 1000 / static_cast<double>(messages));
}

// A million entries, written as a queue writes them that has tried each once.
void fill(std::size_t entries, std::size_t destinations)
{
    House house;
    const auto text = text_of(1024);
    const WallTime now = house.queue->time().now();
    const SteadyTime begin = std::chrono::steady_clock::now();
    for (std::uint64_t shard = 0; shard < shards; ++shard) {
        store::Batch batch;
        for (std::size_t i = shard; i < entries; i += shards) {
            Accepted accepted;
            do {
                accepted.item.id = house.ids.next();
            } while (shard_of(accepted.item.id) != shard);
            accepted.item.arrived = accepted.item.accepted = now;
            accepted.item.next_event = now + Duration{4h};
            accepted.item.envelope.reverse_path = {"alice", "north.test"};
            accepted.item.size = text->size();
            accepted.letter.content.bytes = text;
            Entry entry;
            entry.item = accepted.item.id;
            entry.delivery = house.ids.next();
            entry.recipient.path = {"user" + std::to_string(i),
                                    "d" + std::to_string((i + i / destinations) % destinations) + ".down"};
            entry.attempts = 1;
            entry.due = now + Duration{static_cast<std::int64_t>(i % 600) * 1'000'000};
            entry.last.reason = "the host does not answer";
            entry.last.status = "4.4.1";
            accepted.entries.push_back(std::move(entry));
            put_accepted(batch, accepted.item, accepted.entries, accepted.letter);
            if (batch.puts.size() >= 1'000 || i + shards >= entries) {
                batch.partition = {store::PartitionKind::queue, shard};
                batch.id = house.ids.next();
                batch.durability = store::Durability::lazy;
                const store::Outcome outcome =
                    run(house.loops[0], house.store->commit(std::exchange(batch, {}), Deadline::never()));
                if (outcome != store::Outcome::ok)
                    std::printf("cannot fill: %s\n", std::string(store::to_string(outcome)).c_str());
            }
        }
    }
    std::printf("filled with %zu entries in %.1f s\n", entries, seconds_since(begin));
}

void measure_million(std::size_t entries, std::size_t destinations)
{
    double empty = 0;
    {
        House house;
        house.start();
        intake(house, text_of(10 * 1024), "south.test", 2'000);
        empty = intake(house, text_of(10 * 1024), "south.test", 20'000);
    }
    fill(entries, destinations);
    const SteadyTime begin = std::chrono::steady_clock::now();
    House house;
    const double opened = seconds_since(begin);
    house.start();
    while (house.queue->counts().lanes + house.carrier.failures < destinations)
        std::this_thread::sleep_for(1ms);
    const double known = seconds_since(begin);
    std::printf("opened in %.2f s, all %zu destinations known after %.2f s, resident %.0f MiB\n", opened, destinations,
                known, resident_mib());
    intake(house, text_of(10 * 1024), "south.test", 2'000);
    const double full = intake(house, text_of(10 * 1024), "south.test", 20'000);
    std::this_thread::sleep_for(10s);
    const double later = intake(house, text_of(10 * 1024), "south.test", 20'000);
    const std::uint64_t before = house.carrier.relayed;
    const SteadyTime sent = std::chrono::steady_clock::now();
    run(house.loops[0], send_many(house, text_of(1024), "fresh.test", 1));
    while (house.carrier.relayed == before)
        std::this_thread::sleep_for(100us);
    std::printf(
        "intake %.0f/s empty, %.0f/s and %.0f/s with %zu waiting; a message passes in %.1f ms; resident %.0f MiB\n",
        empty, full, later, entries, seconds_since(sent) * 1000, resident_mib());
}

}  // namespace

int main(int count, char** words)
{
    std::filesystem::remove_all(bench_folder());
    const std::string what = count > 1 ? words[1] : "";
    const auto number = [&](int at, std::size_t otherwise) {
        return count > at ? static_cast<std::size_t>(std::strtoull(words[at], nullptr, 10)) : otherwise;
    };
    if (what == "relay")
        measure_relay(number(2, 50'000));
    else if (what == "million")
        measure_million(number(2, 1'000'000), number(3, 1'000));
    else
        std::printf("queue_bench relay [messages] | million [entries] [destinations]\n");
    std::filesystem::remove_all(bench_folder());
    return what.empty() ? 64 : 0;
}
