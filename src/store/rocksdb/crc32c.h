// CRC-32C (Castagnoli), as RocksDB's files use it. Pure; threads: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace posthouse::store {

// Of `bytes` behind what gave `before` (0: behind nothing).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// RocksDB stores checksums masked, so that a checksum of bytes that hold checksums stays a good one.
constexpr std::uint32_t mask_crc(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

}  // namespace posthouse::store
