// HOSTILE F6: what a full disk may do to the store, and that it goes on by itself.
#include "store/conformance.h"
#include "store/rocksdb/fault_fs.h"
#include "store/rocksdb/instance.h"
#include "store/rocksdb/rocks_store.h"
#include "store/rocksdb/test_folder.h"

#include <thread>

namespace posthouse::store {

namespace {

constexpr std::uint64_t mib = 1 << 20;

Batch put(std::uint64_t number, Purpose purpose)
{
    Batch batch{.partition = {PartitionKind::account, 1}, .id = number, .purpose = purpose};
    batch.puts = {{KeyBuilder(1).u64(number).key(), std::string(20'000, 'v'), Space::bodies}};
    return batch;
}

}  // namespace

TEST(FittedOptions, TheRoomBelowTheFloorHoldsWhatIsInTheLogs)
{
    for (std::uint64_t capacity = 20 * mib; capacity < (1ull << 40); capacity = capacity * 5 / 4) {
        SCOPED_TRACE(capacity);
        const RocksOptions fit = fitted({}, capacity);
        EXPECT_LE(fit.intake_floor_bytes, capacity / 10);
        EXPECT_LE(fit.reserve_bytes, capacity / 20);
        if (capacity < 40 * mib)
            continue;  // the least that a log may be is more than such a disk's reserve
        EXPECT_LE(fit.wal_bytes, fit.reserve_bytes);
        EXPECT_LE(2 * fit.wal_bytes, fit.intake_floor_bytes);
        EXPECT_LE(fit.bodies_buffer_bytes, fit.wal_bytes);
        EXPECT_LE(fit.rows_buffer_bytes, fit.bodies_buffer_bytes);
        EXPECT_TRUE(capacity > 4096 * mib || !fit.preallocate);
    }
    const RocksOptions asked;
    EXPECT_EQ(fitted({}, 1ull << 40).wal_bytes, asked.wal_bytes);
    EXPECT_TRUE(fitted({}, 1ull << 40).preallocate);
}

class FullDisk : public ::testing::Test {
protected:
    FullDisk() { open(); }
    void open()
    {
        store = RocksStore::open({.folder = folder.path() + "/store",
                                  .tick = 2ms,
                                  .file_system = disk,
                                  .disk_space = [this](const std::string&) -> Result<DiskSpace> {
                                      return DiskSpace{free, 1000 * mib, ~0ull};
                                  }},
                                 clock, workers, log)
                    .value();
    }
    Outcome commit(std::uint64_t number, Purpose purpose)
    {
        return loop.run(store->commit(put(number, purpose), Deadline::never()));
    }
    bool has(std::uint64_t number)
    {
        const auto value = loop.run(store->get({PartitionKind::account, 1}, KeyBuilder(1).u64(number).key(),
                                               Deadline::in(clock, 1s), Space::bodies));
        EXPECT_TRUE(value.has_value()) << value.error().text;
        return value && *value;
    }
    void wait_for(Health health)
    {
        while (store->health() != health)
            std::this_thread::sleep_for(1ms);
    }

    TestFolder folder;
    SystemClock clock;
    NoLog log;
    TestLoop loop;
    Workers workers{2, 1000};
    std::atomic<std::uint64_t> free = 900 * mib;
    std::shared_ptr<FaultFileSystem> disk = std::make_shared<FaultFileSystem>();
    std::unique_ptr<RocksStore> store;
};

TEST_F(FullDisk, BelowTheFloorOnlyUpkeepIsTaken)
{
    EXPECT_EQ(commit(1, Purpose::intake), Outcome::ok);
    free = 99 * mib;
    EXPECT_EQ(commit(2, Purpose::upkeep), Outcome::ok);
    wait_for(Health::low_space);
    EXPECT_EQ(commit(3, Purpose::intake), Outcome::unavailable);
    EXPECT_EQ(commit(4, Purpose::upkeep), Outcome::ok);
    EXPECT_TRUE(std::filesystem::exists(folder.path() + "/store/reserve"));
    free = 1 * mib;
    EXPECT_EQ(commit(5, Purpose::upkeep), Outcome::ok);
    while (std::filesystem::exists(folder.path() + "/store/reserve"))
        std::this_thread::sleep_for(1ms);
    free = 900 * mib;
    wait_for(Health::good);
    EXPECT_EQ(commit(6, Purpose::intake), Outcome::ok);
    EXPECT_TRUE(std::filesystem::exists(folder.path() + "/store/reserve"));
}

// RocksDB tells nobody who waits for a flush that there was no room for it.
TEST_F(FullDisk, NobodyWaitsForAFlushThatFails)
{
    const Result<std::shared_ptr<Instance>> opened =
        Instance::open({.folder = folder.path(), .file_system = disk}, log, [](const rocksdb::Status&) { });
    ASSERT_TRUE(opened) << opened.error().text;
    Instance& instance = **opened;
    ASSERT_TRUE(instance.db().Put({}, instance.bodies(), "key", std::string(20'000, 'v')).ok());
    disk->fail_tables(Fault::no_space);
    EXPECT_FALSE(instance.flush().ok());
    disk->fail_tables(Fault::none);
    std::string value;
    EXPECT_TRUE(instance.db().Get({}, instance.bodies(), "key", &value).ok());
}

TEST_F(FullDisk, ItIsClosedWithoutRoomForItsTables)
{
    for (std::uint64_t number = 1; number <= 50; ++number)
        ASSERT_EQ(commit(number, Purpose::intake), Outcome::ok);
    disk->fail_tables(Fault::no_space);
    store.reset();
    disk->fail_tables(Fault::none);
    open();
    for (std::uint64_t number = 1; number <= 50; ++number)
        EXPECT_TRUE(has(number)) << number;
}

// A disk that others fill to its last block. Reads are never interrupted for an attempt that must fail.
TEST_F(FullDisk, WithoutAnySpaceItReadsAndComesBack)
{
    for (std::uint64_t number = 1; number <= 50; ++number)
        ASSERT_EQ(commit(number, Purpose::intake), Outcome::ok);
    free = 0;
    disk->fail_all(Fault::no_space);
    EXPECT_EQ(commit(51, Purpose::upkeep), Outcome::unavailable);
    EXPECT_EQ(store->health(), Health::read_only);
    disk->fail_all(Fault::none);  // it would take small files, but not what is in the log
    const auto until = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < until)
        ASSERT_TRUE(has(1));
    EXPECT_EQ(store->health(), Health::read_only);
    EXPECT_FALSE(has(51)) << "was told to have failed";
    free = 900 * mib;
    wait_for(Health::good);
    EXPECT_EQ(commit(51, Purpose::intake), Outcome::ok);
    for (std::uint64_t number = 1; number <= 51; ++number)
        EXPECT_TRUE(has(number));
}

}  // namespace posthouse::store
