#include "store/rocksdb/rocks_store.h"

#include "store/conformance.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/layout.h"
#include "store/rocksdb/salvage.h"
#include "store/rocksdb/test_folder.h"

#include <thread>

#include <rocksdb/db.h>
#include <unistd.h>

namespace posthouse::store {

namespace {

struct RocksFactory {
    TestFolder folder;
    SystemClock system;
    NoLog log;
    Workers workers{2, 1000};
    std::unique_ptr<RocksStore> engine = RocksStore::open(options(), system, workers, log).value();

    RocksOptions options() { return {.folder = folder.path() + "/store"}; }
    Store& store() { return *engine; }
    const Clock& clock() { return system; }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Rocks, StoreConformance, RocksFactory);

class RocksStoreTest : public ::testing::Test {
protected:
    Result<std::unique_ptr<RocksStore>> open()
    {
        RocksOptions options{.folder = folder.path() + "/store", .tick = 1ms};
        options.disk_space = [this](const std::string&) -> Result<DiskSpace> {
            return DiskSpace{.free = free, .capacity = 1 << 30, .free_inodes = inodes};
        };
        return RocksStore::open(options, clock, workers, log);
    }
    Outcome put(RocksStore& store, Key key, Value value, Purpose purpose = Purpose::intake, Space space = Space::rows)
    {
        Batch batch{.partition = anna, .id = ++id, .purpose = purpose};
        batch.puts = {{std::move(key), std::move(value), space}};
        return loop.run(store.commit(std::move(batch), Deadline::never()));
    }
    std::optional<Value> get(RocksStore& store, Key key, Space space = Space::rows)
    {
        return loop.run(store.get(anna, std::move(key), Deadline::never(), space)).value();
    }
    // The keeper looks by itself while the disk is nearly full.
    void await(RocksStore& store, Health health)
    {
        while (store.health() != health)
            std::this_thread::sleep_for(1ms);
    }

    const Partition anna{PartitionKind::account, 1};
    TestFolder folder;
    SystemClock clock;
    NoLog log;
    TestLoop loop;
    Workers workers{2, 1000};
    std::atomic<std::uint64_t> free = 1 << 30;
    std::atomic<std::uint64_t> inodes = 1'000'000;
    CommitId id = 0;
};

TEST_F(RocksStoreTest, WhatWasStoredIsThereAfterAReopening)
{
    const std::string body(30'000, 'b');
    {
        const auto store = open().value();
        EXPECT_EQ(put(*store, "row", "1"), Outcome::ok);
        EXPECT_EQ(put(*store, "body", body, Purpose::intake, Space::bodies), Outcome::ok);
    }
    const auto store = open().value();
    EXPECT_EQ(get(*store, "row"), "1");
    EXPECT_EQ(get(*store, "body", Space::bodies), body);
    EXPECT_EQ(store->salvaged().records, 0u) << "a clean stop leaves no log to read";
    Batch last{.partition = anna, .id = id};
    EXPECT_EQ(loop.run(store->resolve(last, Deadline::never())), Outcome::ok);
}

TEST_F(RocksStoreTest, ASecondStoreIsToldWhoHoldsTheFolder)
{
    const auto first = open();
    ASSERT_TRUE(first.has_value());
    const auto second = open();
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error(), ErrorCode::already_exists);
    EXPECT_NE(second.error().text.find(std::to_string(::getpid())), std::string::npos) << second.error().text;
}

TEST_F(RocksStoreTest, AFolderThatCannotBeMadeIsSaid)
{
    const auto store = RocksStore::open({.folder = folder.path() + "/none/store"}, clock, workers, log);
    ASSERT_FALSE(store.has_value());
    EXPECT_NE(store.error().text.find("/none/store"), std::string::npos);
}

TEST_F(RocksStoreTest, ANewerFormatIsRefused)
{
    open().value();
    {
        rocksdb::DBOptions options;
        rocksdb::DB* db = nullptr;
        std::vector<rocksdb::ColumnFamilyHandle*> families;
        ASSERT_TRUE(rocksdb::DB::Open(options, folder.path() + "/store/db",
                                      {{"default", {}}, {"rows", {}}, {"bodies", {}}}, &families, &db)
                        .ok());
        ASSERT_TRUE(db->Put({}, families[1], std::string(format_key), "\x63").ok());
        for (auto* family : families)
            db->DestroyColumnFamilyHandle(family);
        delete db;
    }
    const auto store = open();
    ASSERT_FALSE(store.has_value());
    EXPECT_NE(store.error().text.find("newer"), std::string::npos);
}

// HOSTILE F6 and F7.
TEST_F(RocksStoreTest, ANearlyFullDiskTakesNoMailAndGoesOnByItself)
{
    const auto store = open().value();
    EXPECT_EQ(put(*store, "a", "1"), Outcome::ok);
    EXPECT_TRUE(has_reserve(folder.path() + "/store"));
    free = 80 << 20;  // a tenth of the disk is the floor, a twentieth the reserve
    put(*store, "b", "1");  // the keeper looks once something was committed; whether this one was still taken is open
    await(*store, Health::low_space);
    EXPECT_EQ(put(*store, "c", "1"), Outcome::unavailable);
    EXPECT_EQ(put(*store, "a", "2", Purpose::upkeep), Outcome::ok);
    EXPECT_TRUE(has_reserve(folder.path() + "/store"));
    free = 10 << 20;
    while (has_reserve(folder.path() + "/store"))
        std::this_thread::sleep_for(1ms);
    EXPECT_EQ(put(*store, "a", "3", Purpose::upkeep), Outcome::ok);
    EXPECT_EQ(get(*store, "a"), "3");
    EXPECT_EQ(put(*store, "d", "1"), Outcome::unavailable);
    free = 1 << 30;
    await(*store, Health::good);
    EXPECT_EQ(put(*store, "d", "1"), Outcome::ok);
    EXPECT_TRUE(has_reserve(folder.path() + "/store"));
    EXPECT_EQ(get(*store, "c"), std::nullopt);
}

TEST_F(RocksStoreTest, WithoutInodesNoMail)
{
    inodes = 3;
    const auto store = open().value();
    EXPECT_EQ(store->health(), Health::low_space);
    EXPECT_EQ(put(*store, "a", "1"), Outcome::unavailable);
    inodes = 1000;
    await(*store, Health::good);
    EXPECT_EQ(put(*store, "a", "1"), Outcome::ok);
}

TEST_F(RocksStoreTest, ColdReadsComeFromTheWorkers)
{
    {
        const auto store = open().value();
        for (int i = 0; i < 300; ++i)
            ASSERT_EQ(put(*store, "body" + std::to_string(i), std::string(5000, static_cast<char>(i)), Purpose::intake,
                          Space::bodies),
                      Outcome::ok);
    }
    const auto store = open().value();
    for (int i = 0; i < 300; ++i)
        ASSERT_EQ(get(*store, "body" + std::to_string(i), Space::bodies), std::string(5000, static_cast<char>(i)));
    const auto page = loop.run(store->scan(anna, {}, 1000, Deadline::never(), Space::bodies)).value();
    EXPECT_EQ(page.rows.size(), 209u) << "1 MiB of unpacked values";
    EXPECT_TRUE(page.more);
}

}  // namespace posthouse::store
