// HOSTILE F11: a flipped bit in any file of the store is noticed or harmless, costs nothing but the
// last record of a log, and never keeps the store from opening or from taking new mail.
#include "store/conformance.h"
#include "store/rocksdb/committer.h"
#include "store/rocksdb/fault_fs.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/rocks_store.h"
#include "store/rocksdb/test_folder.h"

#include <cstdlib>
#include <random>

namespace posthouse::store {

namespace {

constexpr std::uint64_t accounts = 8;
constexpr std::uint64_t messages = 240;

class AlarmLog final : public Log {
public:
    void write(LogLevel level, std::string_view, Id, std::string_view what, std::initializer_list<LogField>) override
    {
        if (level == LogLevel::debug)
            return;
        const std::scoped_lock lock(mutex_);
        said_ += std::string(what) + "\n";
    }
    bool said_anything()
    {
        const std::scoped_lock lock(mutex_);
        return !said_.empty();
    }

private:
    std::mutex mutex_;
    std::string said_;
};

std::string body(std::uint64_t number)
{
    std::mt19937_64 dice(number);
    std::string bytes(2500 + dice() % 2000, '\0');
    for (char& c : bytes)
        c = static_cast<char>(dice());
    return bytes;
}

Partition home(std::uint64_t number) { return {PartitionKind::account, number % accounts}; }
Key key(std::uint64_t number) { return KeyBuilder(3).u64(number).key(); }

Batch message(std::uint64_t number)
{
    Batch batch{.partition = home(number), .id = number + 1};
    batch.puts = {{key(number), body(number).substr(0, 300)}, {key(number), body(number), Space::bodies}};
    return batch;
}

}  // namespace

class BitFlips : public ::testing::Test {
protected:
    RocksOptions options(const std::string& name)
    {
        return {.folder = folder.path() + "/" + name,
                .rows_buffer_bytes = 1 << 20,
                .bodies_buffer_bytes = 1 << 20,
                .intake_floor_bytes = 0,
                .reserve_bytes = 0,
                .tick = 1ms};
    }

    // A store as it lies there after kill -9: some messages in tables and blob files, some in the log.
    void make_template()
    {
        for (int generation = 0; generation < 3; ++generation) {
            auto store = RocksStore::open(options("running"), clock, workers, quiet).value();
            for (std::uint64_t n = messages * generation / 3; n < messages * (generation + 1) / 3; ++n)
                ASSERT_EQ(loop.run(store->commit(message(n), Deadline::never())), Outcome::ok);
            if (generation == 2)
                std::filesystem::copy(options("running").folder, options("template").folder,
                                      std::filesystem::copy_options::recursive);
        }
    }

    // Files by their part of the store's bytes, so that every byte is equally often hit.
    std::pair<std::string, std::uint64_t> choose(const std::string& store_folder, std::mt19937_64& dice)
    {
        std::vector<std::pair<std::string, std::uint64_t>> files;
        std::uint64_t total = 0;
        for (const auto& entry : std::filesystem::directory_iterator(store_folder + "/db"))
            if (entry.is_regular_file() && entry.file_size() > 0) {
                files.emplace_back(entry.path(), entry.file_size());
                total += entry.file_size();
            }
        std::ranges::sort(files);
        // Half of the flips go where every byte counts: small files, and the ends of big ones.
        if (dice() % 2 == 0) {
            const auto& [path, size] = files[dice() % files.size()];
            const std::uint64_t near_the_end = size - 1 - dice() % std::min<std::uint64_t>(size, 3000);
            return {path, near_the_end * 8 + dice() % 8};
        }
        std::uint64_t at = dice() % total;
        for (const auto& [path, size] : files) {
            if (at < size)
                return {path, at * 8 + dice() % 8};
            at -= size;
        }
        return {files[0].first, 0};
    }

    TestFolder folder;
    SystemClock clock;
    NoLog quiet;
    TestLoop loop;
    Workers workers{2, 1000};
};

TEST_F(BitFlips, AreNoticedOrHarmless)
{
    make_template();
    const char* factor = std::getenv("POSTHOUSE_DOSE");
    const int rounds = 60 * (factor != nullptr ? std::max(1, std::atoi(factor)) : 1);
    int with_loss = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::string name = "flipped";
        std::filesystem::remove_all(options(name).folder);
        std::filesystem::copy(options("template").folder, options(name).folder,
                              std::filesystem::copy_options::recursive);
        std::mt19937_64 dice(static_cast<std::uint64_t>(round));
        const auto [path, bit] = choose(options(name).folder, dice);
        flip_bit(path, bit);
        SCOPED_TRACE(std::to_string(round) + " " + path.substr(path.rfind('/')) + " byte " + std::to_string(bit / 8) +
                     " of " + std::to_string(std::filesystem::file_size(path)));

        AlarmLog log;
        auto opened = RocksStore::open(options(name), clock, workers, log);
        EXPECT_TRUE(opened.has_value()) << opened.error().text;
        if (!opened)
            continue;
        const auto store = *std::move(opened);
        std::uint64_t unreadable = 0;
        std::uint64_t missing = 0;
        std::string error;
        for (std::uint64_t n = 0; n < messages; ++n) {
            bool lost = false;
            for (const Space space : {Space::rows, Space::bodies}) {
                const auto got = loop.run(store->get(home(n), key(n), Deadline::never(), space));
                const std::string expected = space == Space::rows ? body(n).substr(0, 300) : body(n);
                if (!got) {
                    lost = true;
                    error = got.error().text;
                } else if (!*got) {
                    ++missing;
                } else
                    ASSERT_EQ(**got, expected) << "a changed value is never given out";
            }
            unreadable += lost ? 1 : 0;
        }
        with_loss += unreadable + missing > 0 ? 1 : 0;
        if (unreadable + missing > 0)
            std::printf("  %s byte %llu: %llu unreadable, %llu missing; %s\n", path.substr(path.rfind('/')).c_str(),
                        static_cast<unsigned long long>(bit / 8), static_cast<unsigned long long>(unreadable),
                        static_cast<unsigned long long>(missing), error.c_str());
        if (missing > 0) {
            EXPECT_TRUE(log.said_anything()) << missing << " are missing without a word";
        }
        // Only a log's last record can be lost: there a flipped bit looks like a write torn by a crash.
        EXPECT_EQ(unreadable, 0u);
        EXPECT_LE(missing, 2u);
        // New mail is taken, also after everything has been compacted.
        for (std::uint64_t n = messages; n < messages + 5; ++n)
            EXPECT_EQ(loop.run(store->commit(message(n), Deadline::never())), Outcome::ok);
        store->collect_garbage_soon();
        for (std::uint64_t n = messages; n < messages + 5; ++n) {
            const auto got = loop.run(store->get(home(n), key(n), Deadline::never(), Space::bodies));
            ASSERT_TRUE(got.has_value());
            EXPECT_EQ(*got, body(n));
        }
    }
    std::printf("%d of %d flips cost something\n", with_loss, rounds);
}

// Several readers meet the same damage: whoever comes second finds it put right.
TEST_F(BitFlips, CostNoneOfSeveralReadersAnything)
{
    make_template();
    for (unsigned round = 0; round < 20; ++round) {
        SCOPED_TRACE(round);
        std::filesystem::remove_all(options("flipped").folder);
        std::filesystem::copy(options("template").folder, options("flipped").folder,
                              std::filesystem::copy_options::recursive);
        for (const auto& entry : std::filesystem::directory_iterator(options("flipped").folder + "/db"))
            if (entry.path().extension() == ".sst")
                flip_bit(entry.path(), 100 * 8 + round * 8);
        auto store = RocksStore::open(options("flipped"), clock, workers, quiet).value();
        std::vector<std::future<Result<std::optional<Value>>>> answers;
        for (std::uint64_t n = 0; n < messages / 3; ++n)
            for (const Space space : {Space::rows, Space::bodies})
                answers.push_back(loop.start(store->get(home(n), key(n), Deadline::never(), space)));
        for (auto& answer : answers) {
            const auto value = answer.get();
            EXPECT_TRUE(value.has_value() && *value) << (value ? "" : value.error().text);
        }
    }
}

}  // namespace posthouse::store
