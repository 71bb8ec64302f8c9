#include "store/rocksdb/packing.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::store {

constexpr std::size_t most = 65536;

TEST(Packing, WhatIsPackedComesOut)
{
    Packer packer;
    std::mt19937 dice(3);
    for (const std::size_t size : {0u, 1u, 511u, 512u, 10'000u, 65'536u}) {
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

TEST(Packing, WhatWasNeverPackedIsDamage)
{
    Packer packer;
    const std::string stored = packer.pack(std::string(10'000, 'x'));
    EXPECT_EQ(packer.unpack("", most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack("\x02rest", most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack("\x01", most).error(), ErrorCode::corrupt);
    EXPECT_EQ(packer.unpack(stored, 9'999).error(), ErrorCode::corrupt) << "never more than a value may have";
    EXPECT_EQ(packer.unpack(stored.substr(0, stored.size() - 1), most).error(), ErrorCode::corrupt);
    for (std::size_t at = 1; at < stored.size(); ++at) {
        std::string flipped = stored;
        flipped[at] = static_cast<char>(flipped[at] ^ 4);
        (void)packer.unpack(flipped, most);  // whatever it answers, it stays in bounds
    }
}

}  // namespace posthouse::store
