#include "store/rocksdb/packing.h"

#include <random>

#include <gtest/gtest.h>
#include <zstd.h>

namespace posthouse::store {

constexpr std::size_t most = 65536;

TEST(Packing, WhatIsPackedComesOut)
{
    Packer packer;
    std::mt19937 dice(3);
    for (const std::size_t size : {0u, 1u, 511u, 512u, 10'000u, 32'767u, 32'768u, 65'536u}) {
        std::string noise(size, '\0');
        for (char& c : noise)
            c = static_cast<char>(dice());
        for (const std::string& value : {noise, std::string(size, 'x')}) {
            const std::string stored = packer.pack(value);
            EXPECT_LE(stored.size(), size + 1);
            EXPECT_EQ(packer.unpack(stored, most), value);
        }
    }
    EXPECT_LT(packer.pack(std::string(10'000, 'x')).size(), 100u);
}

// Stores were filled by zstd alone once.
TEST(Packing, SmallOnesByZstdComeOutToo)
{
    const std::string value(10'000, 'x');
    std::string stored(ZSTD_compressBound(value.size()), '\0');
    stored.resize(ZSTD_compress(stored.data(), stored.size(), value.data(), value.size(), 1));
    EXPECT_EQ(Packer().unpack('\1' + stored, most), value);
}

TEST(Packing, WhatWasNeverPackedIsDamage)
{
    Packer packer;
    const std::string stored = packer.pack(std::string(10'000, 'x'));
    EXPECT_EQ(packer.unpack("", most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack("\x02rest", most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack(std::string("\x02\0\0\0", 4), most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack("\x03rest", most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack("\x01", most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack(packer.pack(std::string(40'000, 'x')), 39'999).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack(stored, 9'999).error(), ErrorCode::corrupt) << "never more than a value may have";
    EXPECT_EQ(packer.unpack(stored.substr(0, stored.size() - 1), most).error(), ErrorCode::corrupt);
    for (std::size_t at = 1; at < stored.size(); ++at) {
        std::string flipped = stored;
        flipped[at] = static_cast<char>(flipped[at] ^ 4);
        (void)packer.unpack(flipped, most);  // whatever it answers, it stays in bounds
    }
}

}  // namespace posthouse::store
