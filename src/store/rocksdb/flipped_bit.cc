#include "store/rocksdb/flipped_bit.h"

#include "store/rocksdb/crc32c.h"

#include <array>
#include <bit>

namespace posthouse::store {

namespace {

constexpr std::uint32_t unmask_crc(std::uint32_t masked)
{
    const std::uint32_t rotated = masked - 0xa282ead8u;
    return (rotated >> 17) | (rotated << 15);
}

}  // namespace

std::optional<std::uint64_t> flipped_bit(std::string_view bytes, std::uint32_t expected)
{
    const std::uint32_t difference = crc32c(bytes) ^ expected;
    if (difference == 0 || bytes.empty())
        return std::nullopt;
    // What each bit of the last byte does; a step to the byte before runs one zero byte through.
    std::array<std::uint32_t, 8> effect;
    const std::uint32_t none = crc32c(std::string_view("\0", 1));
    for (int bit = 0; bit < 8; ++bit) {
        const char byte = static_cast<char>(1 << bit);
        effect[static_cast<std::size_t>(bit)] = crc32c({&byte, 1}) ^ none;
    }
    for (std::size_t at = bytes.size(); at-- > 0;) {
        for (std::size_t bit = 0; bit < 8; ++bit) {
            if (effect[bit] == difference)
                return at * 8 + bit;
            for (int step = 0; step < 8; ++step)
                effect[bit] = (effect[bit] >> 1) ^ ((effect[bit] & 1) != 0 ? 0x82f63b78u : 0);
        }
    }
    return std::nullopt;
}

Mended mend(std::string& bytes, std::uint32_t& masked_checksum)
{
    const std::uint32_t right = mask_crc(crc32c(bytes));
    if (right == masked_checksum)
        return Mended::was_good;
    if (std::has_single_bit(right ^ masked_checksum)) {
        masked_checksum = right;
        return Mended::mended;
    }
    const auto bit = flipped_bit(bytes, unmask_crc(masked_checksum));
    if (!bit)
        return Mended::beyond;
    bytes[*bit / 8] = static_cast<char>(bytes[*bit / 8] ^ (1 << (*bit % 8)));
    return Mended::mended;
}

}  // namespace posthouse::store
