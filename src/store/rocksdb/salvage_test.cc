#include "store/rocksdb/salvage.h"

#include "store/rocksdb/fault_fs.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/layout.h"
#include "store/rocksdb/test_folder.h"
#include "store/rocksdb/wal.h"

#include <gtest/gtest.h>
#include <rocksdb/write_batch.h>

namespace posthouse::store {

namespace {

class CountingLog final : public Log {
public:
    void write(LogLevel level, std::string_view, Id, std::string_view, std::initializer_list<LogField>) override
    {
        alarms += level == LogLevel::alarm ? 1 : 0;
    }
    int alarms = 0;
};

// A write batch as RocksDB puts it into its log: one row of the partition `account`.
std::string record(std::uint64_t sequence, std::uint64_t account)
{
    rocksdb::WriteBatch batch;
    EXPECT_TRUE(batch.Put(stored_key({PartitionKind::account, account}, "key"), std::string(3000, 'v')).ok());
    std::string bytes = batch.Data();
    for (std::size_t i = 0; i < 8; ++i)
        bytes[i] = static_cast<char>(sequence >> (8 * i));
    return bytes;
}

std::vector<std::uint64_t> sequences(const std::string& path, std::uint32_t number)
{
    const std::string bytes = read_file(path).value();
    WalReader reader(bytes, number);
    std::vector<std::uint64_t> all;
    while (const auto found = reader.next())
        all.push_back(batch_header(found->bytes)->sequence);
    return all;
}

}  // namespace

class Salvage : public ::testing::Test {
protected:
    Salvage() { EXPECT_TRUE(make_folder(db).has_value()); }
    // A log with the records `first` to `last`; record n belongs to account n.
    std::string write_log(std::uint32_t number, std::uint64_t first, std::uint64_t last)
    {
        WalWriter writer(std::nullopt);
        for (std::uint64_t n = first; n <= last; ++n) {
            writer.add(record(n, n));
            ends.push_back(writer.bytes().size());
        }
        const std::string path = db + "/00000" + std::to_string(number) + ".log";
        EXPECT_TRUE(write_file(path, writer.bytes()).has_value());
        return path;
    }
    SalvageReport salvage(std::uint64_t last_sequence = ~0ull)
    {
        auto report = salvage_logs(db, folder.path() + "/damaged/now", last_sequence, log);
        EXPECT_TRUE(report.has_value()) << report.error().text;
        return report.value_or(SalvageReport{});
    }

    TestFolder folder;
    const std::string db = folder.path() + "/db";
    CountingLog log;
    std::vector<std::size_t> ends;
};

TEST_F(Salvage, GoodLogsStayAsTheyAre)
{
    const std::string path = write_log(4, 1, 20);
    const std::string before = read_file(path).value();
    const SalvageReport report = salvage();
    EXPECT_EQ(report.records, 20u);
    EXPECT_EQ(report.damaged_places + report.torn_logs, 0u);
    EXPECT_EQ(read_file(path), before);
    EXPECT_EQ(log.alarms, 0);
    EXPECT_FALSE(std::filesystem::exists(folder.path() + "/damaged"));
}

TEST_F(Salvage, ATornTailIsCutQuietly)
{
    const std::string path = write_log(4, 1, 20);
    ASSERT_TRUE(cut_file(path, ends[19] - 100).has_value());
    const SalvageReport report = salvage();
    EXPECT_EQ(report.torn_logs, 1u);
    EXPECT_EQ(log.alarms, 0);
    EXPECT_EQ(std::filesystem::file_size(path), ends[18]);
}

TEST_F(Salvage, DamageCostsOneRecordAndIsKept)
{
    const std::string path = write_log(4, 1, 40);
    const std::string before = read_file(path).value();
    flip_bit(path, (ends[4] + 1000) * 8);
    const SalvageReport report = salvage();
    EXPECT_EQ(report.damaged_places, 1u);
    EXPECT_EQ(log.alarms, 1);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t n = 1; n <= 40; ++n)
        if (n != 6)
            expected.push_back(n);
    EXPECT_EQ(sequences(path, 4), expected);
    EXPECT_EQ(report.touched.size(), 34u);
    EXPECT_TRUE(report.touched.contains({PartitionKind::account, 7}));
    EXPECT_FALSE(report.touched.contains({PartitionKind::account, 5}));
    ASSERT_EQ(report.copies.size(), 1u);
    std::string copy = read_file(report.copies[0]).value();
    EXPECT_EQ(copy.size(), before.size());
    EXPECT_NE(copy, before);
    EXPECT_EQ(salvage().damaged_places, 0u) << "the second time all is well";
}

TEST_F(Salvage, ABrokenEndBeforeALaterLogIsDamage)
{
    const std::string first = write_log(4, 1, 10);
    flip_bit(first, (ends[8] + 1000) * 8);
    write_log(5, 11, 15);
    const SalvageReport report = salvage();
    EXPECT_EQ(report.damaged_places, 1u);
    EXPECT_EQ(log.alarms, 1);
    EXPECT_EQ(report.records, 14u);
    EXPECT_EQ(report.touched.size(), 5u) << "all records of the later log lie behind the damage";
}

TEST_F(Salvage, ARefusedWriteIsCutOff)
{
    const std::string path = write_log(4, 1, 10);
    EXPECT_EQ(salvage(7).records, 7u);
    EXPECT_EQ(sequences(path, 4).back(), 7u);
    EXPECT_EQ(log.alarms, 0);
}

}  // namespace posthouse::store
