// What the mender must know of RocksDB's files: tables (format 5, checksum CRC-32C), blob files, logs.
//
//   table     blocks, each followed by u8 packing and u32 masked CRC; a footer of 53 bytes: u8 checksum
//             kind, handles of metaindex and index (varints, 40 bytes with padding), u32 version, u64 magic
//   metaindex entries (varint shared, varint rest, varint value length, rest of key, handle), then the
//             restart points
//   blob file header (30 bytes, always the same in ours), records (u64 key length, u64 value length,
//             u64 expiration, u32 masked CRC of these, u32 masked CRC of key and value; key; value),
//             footer (32 bytes, ends with its masked CRC)
//
// All numbers are little-endian. Pure but for block_is_good(); threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::store {

inline constexpr std::uint64_t block_trailer_bytes = 5;
inline constexpr std::uint64_t table_footer_bytes = 53;
inline constexpr std::uint64_t blob_header_bytes = 30;
inline constexpr std::uint64_t blob_record_header_bytes = 32;
inline constexpr std::uint64_t blob_footer_bytes = 32;
// No block or value of ours comes near it; what claims to be longer is damaged.
inline constexpr std::uint64_t most_block_bytes = 64 << 20;

struct BlockHandle {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};
struct TableHandles {
    BlockHandle metaindex;
    BlockHandle index;
};

std::uint32_t fixed32(std::string_view bytes);
std::uint64_t fixed64(std::string_view bytes);
std::string fixed32_bytes(std::uint32_t value);

// nullopt: not a footer as ours are.
std::optional<TableHandles> parse_table_footer(std::string_view footer);
struct MetaBlock {
    std::string name;
    BlockHandle handle;
};
std::vector<MetaBlock> parse_metaindex(std::string_view block);
bool block_is_good(const std::string& path, BlockHandle handle);

std::string our_blob_header();
bool differ_by_one_bit(std::string_view a, std::string_view b);

// The bit that, turned back, makes the log fragment at `offset` right (wal.h says how one looks).
std::optional<std::uint64_t> flipped_bit_of_fragment(std::string_view log, std::size_t offset);

}  // namespace posthouse::store
