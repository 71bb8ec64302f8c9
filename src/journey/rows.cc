#include "journey/rows.h"

#include "base/codec.h"
#include "base/keyed_hash.h"
#include "base/text.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <zstd.h>

namespace posthouse::journey {

namespace {

enum class Table : std::uint8_t { chunk = 1, digest = 2 };
constexpr std::uint8_t version = 1;
constexpr std::uint64_t milliseconds_a_day = 24ULL * 60 * 60 * 1000;
constexpr std::size_t most_raw = 1024 * 1024;
constexpr int compression_level = 1;  // dialogues are so alike that higher ones give little more

store::KeyBuilder key_of(Table table) { return store::KeyBuilder(static_cast<std::uint8_t>(table)); }

Error damaged(std::string_view what)
{
    return {ErrorCode::corrupt, "a journey's " + std::string(what) + " is damaged"};
}

}  // namespace

std::uint64_t day_of(Id id) { return (id >> 16) / milliseconds_a_day; }

store::Partition partition_of(ChunkId chunk) { return {store::PartitionKind::journey, day_of(chunk)}; }

// Stored, so its key is fixed. Who makes others collide is found together with them and then told apart.
std::uint32_t hash_of(Key key, std::string_view value)
{
    const KeyedHash hash({.low = static_cast<std::uint64_t>(key), .high = 0});
    return static_cast<std::uint32_t>(key == Key::message_id ? hash(value) : hash(to_lower(value)));
}

std::uint32_t hash_of_account(Id account) { return hash_of(Key::account, id_text(account)); }

bool Digest::speaks_of(Id id) const { return std::ranges::binary_search(subjects, id); }

store::Key chunk_key(ChunkId chunk) { return key_of(Table::chunk).u64(chunk).key(); }
store::Key digest_key(ChunkId chunk) { return key_of(Table::digest).u64(chunk).key(); }

store::Range digests_from(ChunkId chunk) { return {digest_key(chunk), key_of(Table::digest).range().until}; }

Result<ChunkId> read_digest_key(std::string_view key)
{
    store::KeyReader reader(key);
    const bool is_digest = reader.u8() == static_cast<std::uint8_t>(Table::digest);
    const ChunkId chunk = reader.u64();
    if (!is_digest || !reader.ok() || !reader.rest().empty())
        return fail(damaged("key"));
    return chunk;
}

// Ids as differences: neighbours were given within moments.
std::string write_digest(const Digest& digest)
{
    Writer out;
    out.u8(version).varint(digest.stored).varint(digest.subjects.size());
    Id last = 0;
    for (const Id id : digest.subjects)
        out.varint(id - std::exchange(last, id));
    out.varint(digest.found.size());
    last = 0;
    for (const Found& found : digest.found) {
        out.varint(found.message - std::exchange(last, found.message));
        for (int shift = 0; shift < 32; shift += 8)
            out.u8(static_cast<std::uint8_t>(found.hash >> shift));
    }
    return out.take();
}

Result<Digest> read_digest(std::string_view value)
{
    Reader in(value);
    if (in.u8() < version)
        return fail(damaged("digest"));
    Digest digest;
    digest.stored = in.varint();
    const std::uint64_t subjects = in.varint();
    if (subjects > value.size())  // each takes a byte at least
        return fail(damaged("digest"));
    digest.subjects.reserve(subjects);
    Id last = 0;
    for (std::uint64_t i = 0; i < subjects; ++i)
        digest.subjects.push_back(last += in.varint());
    const std::uint64_t count = in.varint();
    if (count > value.size())
        return fail(damaged("digest"));
    digest.found.reserve(count);
    last = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        Found found{.message = last += in.varint()};
        for (int shift = 0; shift < 32; shift += 8)
            found.hash |= static_cast<std::uint32_t>(in.u8()) << shift;
        digest.found.push_back(found);
    }
    if (!in.ok() || !std::ranges::is_sorted(digest.subjects))
        return fail(damaged("digest"));
    return digest;
}

std::string pack(std::span<const std::string> segments)
{
    Writer raw;
    for (const std::string& segment : segments)
        raw.string(segment);
    const std::string bytes = raw.take();
    Writer out;
    out.u8(version).varint(bytes.size());
    std::string value = out.take();
    const std::size_t header = value.size();
    value.resize(header + ZSTD_compressBound(bytes.size()));
    thread_local const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                       ZSTD_freeCCtx);
    const std::size_t packed = ZSTD_compressCCtx(context.get(), value.data() + header, value.size() - header,
                                                 bytes.data(), bytes.size(), compression_level);
    if (ZSTD_isError(packed))
        throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(packed));
    value.resize(header + packed);
    return value;
}

Result<std::vector<std::string>> unpack(std::string_view value)
{
    Reader in(value);
    const std::uint8_t written = in.u8();
    const std::uint64_t size = in.varint();
    if (!in.ok() || written != version || size > most_raw)
        return fail(damaged("chunk"));
    std::string bytes(size, '\0');
    const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), in.rest().data(), in.rest().size());
    if (ZSTD_isError(got) || got != size)
        return fail(damaged("chunk"));
    std::vector<std::string> segments;
    Reader raw(bytes);
    while (raw.ok() && !raw.rest().empty())
        segments.emplace_back(raw.string());
    if (!raw.ok())
        return fail(damaged("chunk"));
    return segments;
}

}  // namespace posthouse::journey
