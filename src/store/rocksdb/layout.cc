#include "store/rocksdb/layout.h"

#include "base/codec.h"
#include "store/key.h"

namespace posthouse::store {

namespace {

constexpr std::uint16_t head_shard = 0xffff;
constexpr std::uint8_t head_version = 1;

Prefix prefix(std::uint16_t shard, Partition partition)
{
    Prefix bytes;
    bytes[0] = static_cast<char>(shard >> 8);
    bytes[1] = static_cast<char>(shard);
    bytes[2] = static_cast<char>(partition.kind);
    for (std::size_t i = 0; i < 8; ++i)
        bytes[3 + i] = static_cast<char>(partition.id >> (56 - 8 * i));
    return bytes;
}

}  // namespace

// The finalizer of MurmurHash3 over kind and id: part of the format, never to be changed.
std::uint16_t virtual_shard(Partition partition)
{
    std::uint64_t hash = partition.id ^ (static_cast<std::uint64_t>(partition.kind) << 56);
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdull;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53ull;
    hash ^= hash >> 33;
    return static_cast<std::uint16_t>(hash % virtual_shards);
}

Prefix row_prefix(Partition partition) { return prefix(virtual_shard(partition), partition); }

Prefix head_key(Partition partition) { return prefix(head_shard, partition); }

std::string stored_key(Partition partition, std::string_view key)
{
    const Prefix prefix = row_prefix(partition);
    std::string stored;
    stored.reserve(prefix.size() + key.size());
    stored += view(prefix);
    stored += key;
    return stored;
}

Range stored_range(Partition partition, const Range& range)
{
    const Prefix prefix = row_prefix(partition);
    return {stored_key(partition, range.from),
            range.until.empty() ? KeyBuilder::after(std::string(view(prefix))) : stored_key(partition, range.until)};
}

std::optional<Partition> partition_of(std::string_view stored)
{
    KeyReader reader(stored);
    const std::uint16_t shard = reader.u16();
    const Partition partition{static_cast<PartitionKind>(reader.u8()), reader.u64()};
    if (!reader.ok() || (shard != head_shard && shard != virtual_shard(partition)))
        return std::nullopt;
    return partition;
}

bool is_head(std::string_view stored) { return stored.starts_with("\xff\xff"); }

Value head_value(CommitId id) { return Writer().u8(head_version).varint(id).take(); }

std::optional<CommitId> commit_id(std::string_view head)
{
    Reader reader(head);
    const std::uint8_t version = reader.u8();
    const CommitId id = reader.varint();
    return reader.ok() && version >= 1 ? std::optional(id) : std::nullopt;
}

}  // namespace posthouse::store
