#include "store/conformance.h"
#include "store/rocksdb/rocks_store.h"
#include "store/rocksdb/test_folder.h"

#include <random>

namespace posthouse::store {

namespace {

constexpr std::uint64_t most_rows = 3000;

std::string value_of(std::uint64_t number)
{
    std::mt19937_64 dice(number);
    std::string value(1000, '\0');
    for (char& c : value)
        c = static_cast<char>(dice());
    return value;
}

Key key(std::uint64_t number) { return KeyBuilder(3).u64(number).key(); }

}  // namespace

// RocksDB opens a few tables at first. Asked for a key of one that is not open, and to touch no disk,
// it answers that the key is there, with an empty value.
TEST(Reads, OfTablesThatAreNotOpenYet)
{
    const TestFolder folder;
    const RocksOptions options{.folder = folder.path() + "/store",
                               .rows_buffer_bytes = 64 << 10,
                               .bodies_buffer_bytes = 64 << 10,
                               .table_bytes = 16 << 10};
    SystemClock clock;
    NoLog log;
    TestLoop loop;
    Workers workers{2, 1000};
    const Partition home{PartitionKind::account, 1};
    {
        auto store = RocksStore::open(options, clock, workers, log).value();
        for (std::uint64_t first = 0; first < most_rows; first += 100) {
            Batch batch{.partition = home, .id = first + 1};
            for (std::uint64_t number = first; number < first + 100; ++number)
                batch.puts.insert(batch.puts.end(),
                                  {{key(number), value_of(number)}, {key(number), value_of(number), Space::bodies}});
            ASSERT_EQ(loop.run(store->commit(std::move(batch), Deadline::never())), Outcome::ok);
        }
    }
    std::ptrdiff_t tables = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options.folder + "/db"))
        tables += entry.path().extension() == ".sst" ? 1 : 0;
    EXPECT_GT(tables, 60);
    auto store = RocksStore::open(options, clock, workers, log).value();
    for (std::uint64_t number = 0; number < most_rows; ++number)
        for (const Space space : {Space::rows, Space::bodies}) {
            const auto value = loop.run(store->get(home, key(number), Deadline::never(), space));
            ASSERT_TRUE(value.has_value()) << number << ": " << value.error().text;
            ASSERT_EQ(*value, value_of(number)) << number;
        }
}

}  // namespace posthouse::store
