#include "store/rocksdb/wal.h"

#include "store/rocksdb/crc32c.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::store {

namespace {

std::string record(std::size_t number, std::size_t size)
{
    std::string bytes = std::to_string(number) + ":";
    std::mt19937 dice(static_cast<unsigned>(number));
    while (bytes.size() < size)
        bytes += static_cast<char>(dice());
    return bytes;
}

struct Read {
    std::vector<std::string> records;
    std::vector<WalDamage> damage;
    bool torn;
    std::size_t good_end;
};

Read read(std::string_view file, std::uint32_t number = 7)
{
    WalReader reader(file, number);
    Read all;
    while (const auto found = reader.next())
        all.records.push_back(found->bytes);
    all.damage = reader.damage();
    all.torn = reader.torn();
    all.good_end = reader.good_end();
    return all;
}

}  // namespace

TEST(Crc32c, KnownAnswers)
{
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720 appendix B.4
    EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283u);
}

class Wal : public ::testing::TestWithParam<std::optional<std::uint32_t>> { };
INSTANTIATE_TEST_SUITE_P(BothForms, Wal, ::testing::Values(std::nullopt, std::optional<std::uint32_t>(7)));

TEST_P(Wal, WhatIsWrittenIsRead)
{
    WalWriter writer(GetParam());
    std::vector<std::string> records;
    // Sizes around block borders: padding of every length must come up.
    for (std::size_t i = 0; i < 300; ++i)
        records.push_back(record(i, i % 5 == 0 ? 100'000 : 32'700 - i));
    records.emplace_back();
    for (const auto& one : records)
        writer.add(one);
    const Read all = read(writer.bytes());
    EXPECT_EQ(all.records, records);
    EXPECT_TRUE(all.damage.empty());
    EXPECT_FALSE(all.torn);
    EXPECT_EQ(all.good_end, writer.bytes().size());
    const Read reserved = read(writer.bytes() + std::string(200'000, '\0'));
    EXPECT_EQ(reserved.records, records);
    EXPECT_FALSE(reserved.torn) << "zeros are space that was reserved";
}

TEST_P(Wal, ATornTailIsNotDamage)
{
    WalWriter writer(GetParam());
    std::vector<std::string> records;
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < 12; ++i) {
        records.push_back(record(i, 9'000));
        writer.add(records.back());
        ends.push_back(writer.bytes().size());
    }
    for (std::size_t cut = 0; cut <= writer.bytes().size(); cut += 101) {
        const Read all = read(writer.bytes().substr(0, cut));
        const auto whole = static_cast<std::size_t>(std::ranges::upper_bound(ends, cut) - ends.begin());
        ASSERT_EQ(all.records.size(), whole) << cut;
        ASSERT_TRUE(all.damage.empty()) << cut;
        ASSERT_EQ(all.good_end, whole == 0 ? 0 : ends[whole - 1]);
    }
}

TEST_P(Wal, AFlippedBitCostsOneRecord)
{
    WalWriter writer(GetParam());
    constexpr std::size_t count = 40;
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < count; ++i) {
        writer.add(record(i, 3'000));
        ends.push_back(writer.bytes().size());
    }
    std::mt19937 dice(4);
    for (int round = 0; round < 400; ++round) {
        std::string file = writer.bytes();
        const std::size_t at = dice() % file.size();
        file[at] = static_cast<char>(file[at] ^ (1 << (dice() % 8)));
        const auto hit = static_cast<std::size_t>(std::ranges::upper_bound(ends, at) - ends.begin());
        const std::size_t begin = hit == 0 ? 0 : ends[hit - 1];
        const Read all = read(file);
        for (const auto& one : all.records) {
            const std::size_t number = std::stoul(one);
            ASSERT_LT(number, count);
            ASSERT_EQ(one, record(number, 3'000)) << "no record is ever given changed";
        }
        if (hit == count - 1)
            continue;
        // A length that was hit costs the rest of its block; anything else only its own record.
        const bool length_hit = at - begin == 4 || at - begin == 5 || at - begin == 6 || begin / 32768 != at / 32768;
        ASSERT_GE(all.records.size(), length_hit ? count - 13 : count - 1) << at - begin;
        if (all.records.size() < count && hit < count - 12) {
            ASSERT_EQ(all.damage.size(), 1u);
        }
    }
}

TEST(WalReused, WhatAnOlderLogLeftIsItsEnd)
{
    WalWriter older(6);
    for (std::size_t i = 0; i < 40; ++i)
        older.add(record(i, 5'000));
    WalWriter newer(7);
    for (std::size_t i = 0; i < 10; ++i)
        newer.add(record(100 + i, 4'000));
    std::string file = older.bytes();
    file.replace(0, newer.bytes().size(), newer.bytes());
    const Read all = read(file, 7);
    ASSERT_EQ(all.records.size(), 10u);
    EXPECT_TRUE(all.damage.empty());
    EXPECT_EQ(all.good_end, newer.bytes().size());
    EXPECT_FALSE(all.torn);
    file[newer.bytes().size() - 1] ^= 1;
    EXPECT_TRUE(read(file, 7).torn) << "the last record of this log is broken";
    EXPECT_EQ(read(file, 5).records.size(), 0u);
}

TEST(WalReused, MailThatLooksLikeALogStaysMail)
{
    WalWriter forged(7);
    forged.add("a forged record");
    for (const std::uint32_t number : {7u, 7u}) {
        WalWriter writer(number);
        writer.add(forged.bytes() + forged.bytes() + record(1, 1000) + forged.bytes());
        writer.add(record(2, 100));
        for (std::size_t at = 0; at < 60; ++at) {
            std::string file = writer.bytes();
            file[at] = static_cast<char>(file[at] ^ 0x10);
            for (const auto& one : read(file, 7).records)
                EXPECT_NE(one, "a forged record") << at;
        }
    }
}

TEST(WalBatch, Header)
{
    const std::string record("\x01\x02\0\0\0\0\0\0\x05\0\0\0rest", 16);
    const auto header = batch_header(record);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->sequence, 0x201u);
    EXPECT_EQ(header->count, 5u);
    EXPECT_FALSE(batch_header(record.substr(0, 11)).has_value());
}

}  // namespace posthouse::store
