#include "base/codec.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace posthouse {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t least_signed = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most_signed = std::numeric_limits<std::int64_t>::max();

std::string sample_row()
{
    Writer writer;
    writer.u8(1).varint(0).varint(127).varint(128).varint(most).signed_varint(-1).signed_varint(least_signed);
    writer.signed_varint(most_signed).string("").string("a\0b"sv).raw("tail");
    return writer.take();
}

// Reads the row whole; true where all of it was there.
bool read_row(std::string_view row)
{
    Reader reader(row);
    bool same = reader.u8() == 1;
    same &= reader.varint() == 0;
    same &= reader.varint() == 127;
    same &= reader.varint() == 128;
    same &= reader.varint() == most;
    same &= reader.signed_varint() == -1;
    same &= reader.signed_varint() == least_signed;
    same &= reader.signed_varint() == most_signed;
    same &= reader.string().empty();
    same &= reader.string() == "a\0b"sv;
    same &= reader.raw(4) == "tail";
    EXPECT_TRUE(same || !reader.ended());  // never whole and yet wrong
    return reader.ended();
}

TEST(CodecTest, RoundTrip) { EXPECT_TRUE(read_row(sample_row())); }

TEST(CodecTest, EveryTruncationIsNoticed)
{
    const std::string row = sample_row();
    for (std::size_t length = 0; length < row.size(); ++length)
        EXPECT_FALSE(read_row(std::string_view(row).substr(0, length))) << length;
    EXPECT_FALSE(read_row(row + "x"));
}

TEST(CodecTest, NumbersRoundTripAtEveryWidth)
{
    for (int shift = 0; shift < 64; ++shift)
        for (const std::uint64_t value : {most >> shift, (most >> shift) - 1, std::uint64_t{1} << shift}) {
            Writer writer;
            writer.varint(value).signed_varint(static_cast<std::int64_t>(value));
            const std::string bytes = writer.take();
            Reader reader(bytes);
            EXPECT_EQ(reader.varint(), value);
            EXPECT_EQ(reader.signed_varint(), static_cast<std::int64_t>(value));
            EXPECT_TRUE(reader.ended());
        }
    Writer writer;
    writer.signed_varint(-64);
    EXPECT_EQ(writer.size(), 1u);  // small negative numbers stay small
}

TEST(CodecTest, TooLongNumbersAreRefused)
{
    for (const std::string_view bad : {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,  // 65 bits
                                       "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"sv,  // eleven bytes
                                       "\xff"sv, ""sv}) {
        Reader reader(bad);
        EXPECT_EQ(reader.varint(), 0u);
        EXPECT_FALSE(reader.ok());
    }
}

TEST(CodecTest, ALengthPastTheEndIsNoRead)
{
    Writer writer;
    writer.varint(most).raw("abc");
    const std::string bytes = writer.take();
    Reader reader(bytes);
    EXPECT_EQ(reader.string(), "");
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0);  // after a fault: zero and empty
    EXPECT_EQ(reader.string(), "");
    EXPECT_EQ(reader.raw(0), "");
    EXPECT_FALSE(reader.ended());
}

}  // namespace
}  // namespace posthouse
