#include "store/rocksdb/maintenance.h"

#include "store/conformance.h"
#include "store/rocksdb/committer.h"
#include "store/rocksdb/fault_fs.h"
#include "store/rocksdb/garbage.h"
#include "store/rocksdb/rocks_store.h"
#include "store/rocksdb/test_folder.h"

#include <thread>

namespace posthouse::store {

TEST(Garbage, OldestFilesWhileHalfIsGarbage)
{
    EXPECT_EQ(files_to_rewrite({}), 0u);
    EXPECT_EQ(files_to_rewrite({{1, 100, 0}, {2, 100, 40}}), 0u);
    EXPECT_EQ(files_to_rewrite({{1, 100, 50}, {2, 100, 0}}), 1u);
    EXPECT_EQ(files_to_rewrite({{1, 100, 0}, {2, 100, 100}}), 2u) << "the old good one comes along";
    EXPECT_EQ(files_to_rewrite({{1, 100, 90}, {2, 100, 20}, {3, 100, 10}}), 2u);
    EXPECT_EQ(files_to_rewrite({{1, 0, 0}}), 0u);
}

class MaintenanceTest : public ::testing::Test {
protected:
    RocksOptions options(const std::string& name)
    {
        return {.folder = folder.path() + "/" + name, .bodies_buffer_bytes = 256 << 10, .tick = 1ms};
    }
    std::unique_ptr<RocksStore> open(const std::string& name)
    {
        return RocksStore::open(options(name), clock, workers, log).value();
    }
    static std::string body(std::uint64_t number)
    {
        std::string bytes;
        std::uint64_t state = number + 1;
        while (bytes.size() < 4000) {
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            bytes += static_cast<char>(state >> 56);
        }
        return bytes;
    }
    void put(RocksStore& store, std::uint64_t number)
    {
        Batch batch{.partition = {PartitionKind::account, number % 10}, .id = ++id};
        batch.puts = {{KeyBuilder(3).u64(number).key(), std::to_string(number)},
                      {KeyBuilder(3).u64(number).key(), body(number), Space::bodies}};
        ASSERT_EQ(loop.run(store.commit(std::move(batch), Deadline::never())), Outcome::ok);
    }
    Result<std::optional<Value>> get(RocksStore& store, std::uint64_t number, Space space)
    {
        return loop.run(store.get({PartitionKind::account, number % 10}, KeyBuilder(3).u64(number).key(),
                                  Deadline::never(), space));
    }
    void expect_numbers(RocksStore& store, std::uint64_t count)
    {
        for (std::uint64_t number = 0; number < count; ++number) {
            ASSERT_EQ(get(store, number, Space::rows).value(), std::to_string(number));
            ASSERT_EQ(get(store, number, Space::bodies).value(), body(number));
        }
    }
    std::vector<std::string> files(const std::string& name, const std::string& extension)
    {
        std::vector<std::string> all;
        for (const auto& entry : std::filesystem::directory_iterator(options(name).folder + "/db"))
            if (entry.path().extension() == extension)
                all.push_back(entry.path());
        std::ranges::sort(all);
        return all;
    }
    std::uint64_t size_of(const std::string& name, const std::string& extension)
    {
        std::uint64_t bytes = 0;
        for (const std::string& file : files(name, extension)) {
            std::error_code gone;  // the engine may take it away meanwhile
            const std::uintmax_t size = std::filesystem::file_size(file, gone);
            bytes += gone ? 0 : size;
        }
        return bytes;
    }

    TestFolder folder;
    SystemClock clock;
    NoLog log;
    TestLoop loop;
    Workers workers{2, 1000};
    CommitId id = 0;
};

TEST_F(MaintenanceTest, ABackupOfTheRunningStoreComesBack)
{
    const std::string backup = folder.path() + "/backup";
    {
        const auto store = open("store");
        for (std::uint64_t number = 0; number < 300; ++number)
            put(*store, number);
        auto first = std::async(std::launch::async, [&] { return store->back_up(backup); });
        for (std::uint64_t number = 300; number < 350; ++number)
            put(*store, number);
        const auto report = first.get();
        ASSERT_TRUE(report.has_value()) << report.error().text;
        EXPECT_EQ(report->number, 1u);
        EXPECT_GT(report->bytes, 300u * 4000);
    }
    ASSERT_TRUE(restore(backup, folder.path() + "/restored").has_value());
    {
        const auto store = open("restored");
        expect_numbers(*store, 300);
        put(*store, 300);
        // A second backup, into the same folder, from the store that was restored.
        const auto report = store->back_up(backup);
        ASSERT_TRUE(report.has_value()) << report.error().text;
        EXPECT_EQ(report->number, 2u);
        ASSERT_FALSE(restore(backup, folder.path() + "/restored").has_value()) << "never over a store";
    }
    ASSERT_TRUE(restore(backup, folder.path() + "/again").has_value());
    expect_numbers(*open("again"), 301);
}

TEST_F(MaintenanceTest, ADamagedBackupIsNotRestored)
{
    const std::string backup = folder.path() + "/backup";
    {
        const auto store = open("store");
        for (std::uint64_t number = 0; number < 100; ++number)
            put(*store, number);
        ASSERT_TRUE(store->back_up(backup).has_value());
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(backup))
        if (entry.path().extension() == ".blob")
            flip_bit(entry.path(), entry.file_size() * 4);
    const auto restored = restore(backup, folder.path() + "/restored");
    ASSERT_FALSE(restored.has_value());
    EXPECT_EQ(restored.error(), ErrorCode::corrupt) << restored.error().text;
    EXPECT_FALSE(std::filesystem::exists(folder.path() + "/restored/db"));
    EXPECT_EQ(restore(folder.path() + "/none", folder.path() + "/restored").error(), ErrorCode::not_found);
}

TEST_F(MaintenanceTest, VerifyReadsEverything)
{
    const auto store = open("store");
    for (std::uint64_t number = 0; number < 200; ++number)
        put(*store, number);
    const auto report = store->verify();
    ASSERT_TRUE(report.has_value());
    EXPECT_TRUE(report->is_clean());
    EXPECT_EQ(report->rows, 200u);
    EXPECT_EQ(report->bodies, 200u);
    EXPECT_GT(report->bytes, 200u * 4000);
}

TEST_F(MaintenanceTest, VerifyPutsAFlippedBitRight)
{
    {
        const auto store = open("store");
        for (std::uint64_t number = 0; number < 200; ++number)
            put(*store, number);
    }
    const auto blobs = files("store", ".blob");
    ASSERT_FALSE(blobs.empty());
    flip_bit(blobs[0], std::filesystem::file_size(blobs[0]) * 4);
    const auto store = open("store");
    const auto report = store->verify();
    ASSERT_TRUE(report.has_value());
    EXPECT_TRUE(report->is_clean());
    EXPECT_EQ(report->mended, 1u);
    expect_numbers(*store, 200);
    EXPECT_TRUE(std::filesystem::exists(options("store").folder + "/damaged")) << "the piece as it was is kept";
}

TEST_F(MaintenanceTest, VerifyNamesTheDamagedBody)
{
    {
        const auto store = open("store");
        for (std::uint64_t number = 0; number < 200; ++number)
            put(*store, number);
    }
    const auto blobs = files("store", ".blob");
    ASSERT_FALSE(blobs.empty());
    for (const std::uint64_t bit : {0u, 9u, 18u})  // more than one: beyond repair
        flip_bit(blobs[0], std::filesystem::file_size(blobs[0]) * 4 + bit);
    const auto store = open("store");
    const auto report = store->verify();
    ASSERT_TRUE(report.has_value());
    ASSERT_EQ(report->damaged.size(), 1u);
    const DamagedRows& damaged = report->damaged[0];
    EXPECT_EQ(damaged.space, Space::bodies);
    std::uint64_t unreadable = 0;
    for (std::uint64_t number = 0; number < 200; ++number) {
        const auto got = get(*store, number, Space::bodies);
        if (got) {
            EXPECT_EQ(*got, body(number));
            continue;
        }
        ++unreadable;
        EXPECT_EQ(got.error(), ErrorCode::corrupt);
        EXPECT_EQ(damaged.partition.id, number % 10);
        const Key key = KeyBuilder(3).u64(number).key();
        EXPECT_TRUE((!damaged.after || *damaged.after < key) && (!damaged.before || key < *damaged.before));
    }
    EXPECT_EQ(unreadable, 1u) << "damage is kept to the one message";
}

TEST_F(MaintenanceTest, TheRoomOfErasedBodiesComesBack)
{
    const auto store = open("store");
    constexpr std::uint64_t count = 600;
    for (std::uint64_t number = 0; number < count; ++number)
        put(*store, number);
    for (std::uint64_t number = 0; number < count; ++number) {
        if (number % 4 == 0)
            continue;
        Batch batch{.partition = {PartitionKind::account, number % 10}, .id = ++id, .purpose = Purpose::upkeep};
        batch.erases = {{KeyBuilder(3).u64(number).key(), Space::bodies}};
        ASSERT_EQ(loop.run(store->commit(std::move(batch), Deadline::never())), Outcome::ok);
    }
    store->collect_garbage_soon();
    while (size_of("store", ".blob") > count * 4000 / 3)
        std::this_thread::sleep_for(5ms);
    for (std::uint64_t number = 0; number < count; number += 4)
        ASSERT_EQ(get(*store, number, Space::bodies).value(), body(number));
    EXPECT_TRUE(store->verify()->is_clean());
}

}  // namespace posthouse::store
