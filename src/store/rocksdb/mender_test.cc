#include "store/rocksdb/crc32c.h"
#include "store/rocksdb/flipped_bit.h"
#include "store/rocksdb/table_format.h"
#include "store/rocksdb/wal.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::store {

TEST(FlippedBit, IsFoundWhereverItIs)
{
    std::mt19937 dice(1);
    for (int round = 0; round < 200; ++round) {
        std::string good(1 + dice() % 5000, '\0');
        for (char& c : good)
            c = static_cast<char>(dice());
        const std::uint32_t checksum = mask_crc(crc32c(good));
        std::string bytes = good;
        std::uint32_t stored = checksum;
        EXPECT_EQ(mend(bytes, stored), Mended::was_good);
        const std::size_t bit = dice() % ((good.size() + 4) * 8);
        if (bit < good.size() * 8)
            bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
        else
            stored ^= 1u << (bit - good.size() * 8);
        EXPECT_EQ(mend(bytes, stored), Mended::mended);
        EXPECT_EQ(bytes, good);
        EXPECT_EQ(stored, checksum);
    }
}

TEST(FlippedBit, OtherDamageIsLeftAlone)
{
    std::mt19937 dice(2);
    int mended = 0;
    for (int round = 0; round < 300; ++round) {
        std::string bytes(4096, 'x');
        std::uint32_t checksum = mask_crc(crc32c(bytes));
        for (int changes = 0; changes < 2 + round % 7; ++changes)
            bytes[dice() % bytes.size()] = static_cast<char>(dice());
        mended += mend(bytes, checksum) == Mended::mended ? 1 : 0;
    }
    EXPECT_EQ(mended, 0);
}

TEST(FlippedBit, InALogsFragment)
{
    std::mt19937 dice(3);
    for (const std::optional<std::uint32_t> number : {std::optional<std::uint32_t>(), std::optional(9u)}) {
        WalWriter writer(number);
        writer.add("first");
        const std::size_t begin = writer.bytes().size();
        writer.add(std::string(700, 'r'));
        const std::size_t end = writer.bytes().size();
        writer.add("last");
        int found = 0;
        constexpr int rounds = 500;
        for (int round = 0; round < rounds; ++round) {
            std::string log = writer.bytes();
            const std::size_t bit = begin * 8 + dice() % ((end - begin) * 8);
            log[bit / 8] = static_cast<char>(log[bit / 8] ^ (1 << (bit % 8)));
            const auto answer = flipped_bit_of_fragment(log, begin);
            if (answer) {
                EXPECT_EQ(*answer, bit);
            }
            found += answer ? 1 : 0;
        }
        EXPECT_EQ(found, rounds);
    }
}

TEST(TableFormat, HostileBytesStayInBounds)
{
    std::mt19937 dice(4);
    for (int round = 0; round < 2000; ++round) {
        std::string bytes(dice() % 200, '\0');
        for (char& c : bytes)
            c = static_cast<char>(dice() % 4 == 0 ? 0xff : dice());
        (void)parse_metaindex(bytes);
        bytes.resize(table_footer_bytes);
        (void)parse_table_footer(bytes);
        (void)flipped_bit_of_fragment(bytes, dice() % 60);
    }
}

}  // namespace posthouse::store
