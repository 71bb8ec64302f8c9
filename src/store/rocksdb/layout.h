// Where a partition's keys lie in RocksDB (docs/store-layout.md, "Engine: RocksDB").
//
//   u16 virtual shard, u8 kind, u64 id, key     rows and bodies, each in its column family
//   ff ff, u8 kind, u64 id                      rows: the partition's head: version, last commit id
//   ff fe, text                                 rows: what the engine knows of itself
//
// Pure; threads: any.
#pragma once

#include "store/store.h"

#include <array>

namespace posthouse::store {

inline constexpr std::uint16_t virtual_shards = 4096;
inline constexpr std::size_t prefix_bytes = 11;
inline constexpr std::string_view format_key = "\xff\xfe"
                                               "format";
inline constexpr std::uint8_t format_version = 1;

std::uint16_t virtual_shard(Partition partition);

using Prefix = std::array<char, prefix_bytes>;
inline std::string_view view(const Prefix& prefix) { return {prefix.data(), prefix.size()}; }
Prefix row_prefix(Partition partition);
Prefix head_key(Partition partition);

// The stored key of `key`, and the stored range of `range`, in that partition.
std::string stored_key(Partition partition, std::string_view key);
Range stored_range(Partition partition, const Range& range);

// Takes a stored key apart: the partition of a row, a body or a head; nullopt for the engine's own.
std::optional<Partition> partition_of(std::string_view stored);
bool is_head(std::string_view stored);

Value head_value(CommitId id);
std::optional<CommitId> commit_id(std::string_view head);

}  // namespace posthouse::store
