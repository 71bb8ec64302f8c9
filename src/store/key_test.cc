#include "store/key.h"

#include <gtest/gtest.h>

namespace posthouse::store {

TEST(Key, ByteOrderIsTupleOrder)
{
    const auto text = [](std::string_view a, std::string_view b) { return KeyBuilder(1).text(a).text(b).key(); };
    using namespace std::string_view_literals;
    EXPECT_LT(text("a", "z"), text("ab", "a")) << "a shorter text comes first whatever follows";
    EXPECT_LT(text("a", "z"), text("a\0"sv, "a"));
    EXPECT_LT(text("a\0"sv, "z"), text("a\0\0"sv, "a"));
    EXPECT_LT(text("a\0\xff"sv, "z"), text("a\1"sv, "a"));
    EXPECT_LT(text("", "z"), text("\0"sv, ""));
    EXPECT_LT(KeyBuilder(1).u64(255).key(), KeyBuilder(1).u64(256).key());
    EXPECT_LT(KeyBuilder(1).u32(0x7fffffff).key(), KeyBuilder(1).u32(0x80000000).key());
    EXPECT_LT(KeyBuilder(1).u16(0xffff).key(), KeyBuilder(2).u16(0).key());
}

TEST(Key, ReaderTakesApartWhatWasBuilt)
{
    using namespace std::string_view_literals;
    const Key key = KeyBuilder(7).u8(1).u16(2).u32(3).u64(~0ull).text("a\0b"sv).text("").raw("rest").key();
    KeyReader reader(key);
    EXPECT_EQ(reader.u8(), 7);
    EXPECT_EQ(reader.u8(), 1);
    EXPECT_EQ(reader.u16(), 2);
    EXPECT_EQ(reader.u32(), 3u);
    EXPECT_EQ(reader.u64(), ~0ull);
    EXPECT_EQ(reader.text(), "a\0b"sv);
    EXPECT_EQ(reader.text(), "");
    EXPECT_EQ(reader.rest(), "rest");
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.u64(), 0u);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.text(), "");
}

TEST(Key, AnUnendedTextIsAFault)
{
    for (const std::string_view key :
         {std::string_view("a"), std::string_view("a\0", 2), std::string_view("a\0\1", 3)}) {
        KeyReader reader(key);
        EXPECT_EQ(reader.text(), "");
        EXPECT_FALSE(reader.ok());
    }
}

TEST(Key, RangeHoldsEveryKeyWithThePrefix)
{
    const Range range = KeyBuilder(1).u8(0xff).range();
    EXPECT_LT(KeyBuilder(1).u8(0xff).raw("\xff\xff\xff").key(), range.until);
    EXPECT_GE(KeyBuilder(2).key(), range.until);
    EXPECT_EQ(KeyBuilder(0xff).u8(0xff).range().until, "") << "to the partition's end";
}

}  // namespace posthouse::store
