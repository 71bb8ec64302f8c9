// The journey's rows, as docs/store-layout.md states them, typed: chunks of what was told, and for each
// a digest that says whose it is and what it can be found by.
//
// Two rows are written a few times a second, however many messages went by. A search reads digests, some
// 25 bytes a message, and then the few chunks they point to.
#pragma once

#include "base/result.h"
#include "store/key.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::journey {

using ChunkId = Id;  // given when it is written: later than every id that is spoken of in it

// Days since 1970, by the id's time: a partition each.
std::uint64_t day_of(Id id);
store::Partition partition_of(ChunkId chunk);

// What a message is found by.
enum class Key : std::uint8_t { sender, recipient, message_id, account };
std::uint32_t hash_of(Key key, std::string_view value);  // addresses: without regard to ASCII case
std::uint32_t hash_of_account(Id account);

struct Found {
    Id message = 0;
    std::uint32_t hash = 0;  // hash_of()
    friend auto operator<=>(const Found&, const Found&) = default;
};

struct Digest {
    std::uint64_t stored = 0;  // bytes of the chunk's value
    std::vector<Id> subjects;  // sessions and messages spoken of, in order, each once
    std::vector<Found> found;  // in order; of messages that are among the subjects
    friend bool operator==(const Digest&, const Digest&) = default;
    bool speaks_of(Id id) const;
};

store::Key chunk_key(ChunkId chunk);
store::Key digest_key(ChunkId chunk);
store::Range digests_from(ChunkId chunk);  // to the end of the partition's digests
Result<ChunkId> read_digest_key(std::string_view key);

std::string write_digest(const Digest& digest);
Result<Digest> read_digest(std::string_view value);

// A chunk's value: segments, packed. At most 1 MiB of them.
std::string pack(std::span<const std::string> segments);
// Any bytes are read or refused.
Result<std::vector<std::string>> unpack(std::string_view value);

}  // namespace posthouse::journey
