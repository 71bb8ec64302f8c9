// Finding the one bit that flipped, by the checksum it broke.
//
// CRC-32C is linear: what a flipped bit does to the checksum depends on its place alone, and below
// 2^31 bits no two places do the same. So where exactly one bit has changed, the difference between
// the stored and the computed checksum tells which one. Other damage may look like one flipped bit
// with a chance of (bits checked) / 2^32: a few in a million for a block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthouse::store {

// The bit (8 * byte + bit in it) that explains why `bytes` do not have the CRC-32C `expected`.
std::optional<std::uint64_t> flipped_bit(std::string_view bytes, std::uint32_t expected);

enum class Mended { was_good, mended, beyond };

// `bytes` with their masked checksum, as RocksDB stores it: puts one flipped bit right, in either.
Mended mend(std::string& bytes, std::uint32_t& masked_checksum);

}  // namespace posthouse::store
