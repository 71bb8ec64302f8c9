#include "store/rocksdb/crc32c.h"

#include <random>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <rocksdb/version.h>

// RocksDB's own, which no header of it declares.
namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t before, const char* bytes, std::size_t size);
}

namespace posthouse::store {

namespace {

// As the standard has it, a bit at a time.
std::uint32_t by_bits(std::string_view bytes, std::uint32_t before)
{
    std::uint32_t crc = ~before;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    }
    return ~crc;
}

}  // namespace

// RFC 3720 appendix B.4.
TEST(Crc32c, OfTheStandardsExamples)
{
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
}

TEST(Crc32c, OfAnyLengthAnywhereAndInPieces)
{
    std::mt19937 dice(1);
    std::string bytes(5000, '\0');
    for (char& c : bytes)
        c = static_cast<char>(dice());
    const std::string_view all = bytes;
    for (int round = 0; round < 300; ++round) {
        const std::string_view part = all.substr(dice() % 100, dice() % 4900);
        const std::size_t cut = part.empty() ? 0 : dice() % part.size();
        EXPECT_EQ(crc32c(part), by_bits(part, 0));
        EXPECT_EQ(crc32c(part.substr(cut), crc32c(part.substr(0, cut))), crc32c(part));
    }
}

// All of RocksDB's checksums are worth no less than before: what it calls is ours, and ours answers as it did.
TEST(Crc32c, RocksDbCallsIt)
{
    void* library =
        ::dlopen(("librocksdb.so." + std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR)).c_str(),
                 RTLD_NOW | RTLD_NOLOAD);
    ASSERT_NE(library, nullptr);
    constexpr const char* name = "_ZN7rocksdb6crc32c6ExtendEjPKcm";
    void* const called = ::dlsym(RTLD_DEFAULT, name);
    void* const own = ::dlsym(library, name);
    EXPECT_EQ(called, reinterpret_cast<void*>(&rocksdb::crc32c::Extend));
    ASSERT_NE(own, nullptr);
    EXPECT_NE(called, own);
    const std::string text = "the quick brown fox jumps over the lazy dog";
    EXPECT_EQ(
        reinterpret_cast<std::uint32_t (*)(std::uint32_t, const char*, std::size_t)>(own)(7, text.data(), text.size()),
        crc32c(text, 7));
}

}  // namespace posthouse::store
