#include "base/keyed_hash.h"

#include <gtest/gtest.h>

namespace posthouse {
namespace {

// The vectors of the reference implementation: key 00 01 … 0f, message 00 01 … (n-1).
TEST(KeyedHash, IsSipHash24)
{
    const KeyedHash hash({0x0706050403020100, 0x0f0e0d0c0b0a0908});
    std::string message;
    const auto grow = [&](std::size_t size) {
        while (message.size() < size)
            message += static_cast<char>(message.size());
        return hash(message);
    };
    EXPECT_EQ(grow(0), 0x726fdb47dd0e0e31u);
    EXPECT_EQ(grow(1), 0x74f839c593dc67fdu);
    EXPECT_EQ(grow(7), 0xab0200f58b01d137u);
    EXPECT_EQ(grow(8), 0x93f5f5799a932462u);
    EXPECT_EQ(grow(15), 0xa129ca6149be45e5u);
    EXPECT_EQ(grow(63), 0x958a324ceb064572u);
}

TEST(KeyedHash, OtherKeysGiveOtherHashes)
{
    SeededRandom random(1);
    EXPECT_NE(KeyedHash(HashKey::fresh(random))("a"), KeyedHash(HashKey::fresh(random))("a"));
}

}  // namespace
}  // namespace posthouse
