#include "store/rocksdb/table_format.h"

#include "base/codec.h"
#include "store/rocksdb/crc32c.h"
#include "store/rocksdb/flipped_bit.h"
#include "store/rocksdb/folder.h"

#include <bit>

namespace posthouse::store {

namespace {

constexpr std::uint64_t table_magic = 0x88e241b785f4cff7ull;
constexpr std::uint32_t table_version = 5;
constexpr char checksum_is_crc32c = 1;
constexpr std::uint32_t blob_magic = 2395959;
constexpr std::uint32_t blob_version = 1;
constexpr std::uint32_t bodies_family = 2;  // RocksDB's number of the family, in the order of their making

constexpr std::size_t log_block = 32768;

template <class Number> Number little_endian(std::string_view bytes)
{
    Number value = 0;
    for (std::size_t i = std::min(bytes.size(), sizeof(Number)); i-- > 0;)
        value = static_cast<Number>(value << 8) | static_cast<unsigned char>(bytes[i]);
    return value;
}

BlockHandle take_handle(Reader& reader)
{
    const std::uint64_t offset = reader.varint();
    return {offset, reader.varint()};
}

}  // namespace

std::uint32_t fixed32(std::string_view bytes) { return little_endian<std::uint32_t>(bytes); }

std::uint64_t fixed64(std::string_view bytes) { return little_endian<std::uint64_t>(bytes); }

std::string fixed32_bytes(std::uint32_t value)
{
    std::string bytes;
    for (int i = 0; i < 4; ++i, value >>= 8)
        bytes += static_cast<char>(value);
    return bytes;
}

std::optional<TableHandles> parse_table_footer(std::string_view footer)
{
    if (footer.size() != table_footer_bytes || footer[0] != checksum_is_crc32c ||
        fixed32(footer.substr(41)) != table_version || fixed64(footer.substr(45)) != table_magic)
        return std::nullopt;
    Reader reader(footer.substr(1, 40));
    TableHandles handles;
    handles.metaindex = take_handle(reader);
    handles.index = take_handle(reader);
    for (const BlockHandle& handle : {handles.metaindex, handles.index})
        if (!reader.ok() || handle.size > most_block_bytes)
            return std::nullopt;
    return handles;
}

std::vector<MetaBlock> parse_metaindex(std::string_view block)
{
    std::vector<MetaBlock> all;
    if (block.size() < 4)
        return all;
    const std::uint64_t restarts = fixed32(block.substr(block.size() - 4)) & 0x7fffffff;
    if (restarts > block.size() / 4 || restarts * 4 + 4 > block.size())
        return all;
    Reader reader(block.substr(0, block.size() - 4 - restarts * 4));
    std::string name;
    while (!reader.ended() && reader.ok()) {
        const std::uint64_t shared = reader.varint();
        const std::uint64_t rest = reader.varint();
        const std::uint64_t value = reader.varint();
        if (shared > name.size())
            break;
        name.resize(shared);
        name += reader.raw(rest);
        Reader handle(reader.raw(value));
        const BlockHandle found = take_handle(handle);
        if (reader.ok() && handle.ok() && found.size <= most_block_bytes)
            all.push_back({name, found});
    }
    return all;
}

bool block_is_good(const std::string& path, BlockHandle handle)
{
    if (handle.size > most_block_bytes)
        return false;
    const auto bytes = read_range(path, handle.offset, handle.size + block_trailer_bytes);
    return bytes && bytes->size() == handle.size + block_trailer_bytes &&
        fixed32(std::string_view(*bytes).substr(handle.size + 1)) ==
        mask_crc(crc32c(std::string_view(*bytes).substr(0, handle.size + 1)));
}

std::string our_blob_header()
{
    std::string header = fixed32_bytes(blob_magic) + fixed32_bytes(blob_version) + fixed32_bytes(bodies_family);
    header.resize(blob_header_bytes, '\0');  // no flags, not packed by RocksDB, no expiration
    return header;
}

bool differ_by_one_bit(std::string_view a, std::string_view b)
{
    if (a.size() != b.size())
        return false;
    int bits = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        bits += std::popcount(static_cast<unsigned char>(a[i] ^ b[i]));
    return bits == 1;
}

std::optional<std::uint64_t> flipped_bit_of_fragment(std::string_view log, std::size_t offset)
{
    constexpr std::size_t short_header = 7;
    constexpr std::size_t long_header = 11;
    const std::size_t stop = std::min((offset / log_block + 1) * log_block, log.size());
    if (offset >= stop || stop - offset < short_header)
        return std::nullopt;
    const std::uint32_t stored = fixed32(log.substr(offset));
    const std::uint32_t length = fixed32(log.substr(offset + 4)) & 0xffff;
    // With a bit of the length turned the fragment has another end: 17 lengths to try. The checksum
    // must then hold as it is; only with the length as it stands may the bit be elsewhere.
    for (unsigned bit = 0; bit <= 16; ++bit) {
        const std::uint32_t tried = bit < 16 ? length ^ (1u << bit) : length;
        for (const std::size_t header : {short_header, long_header}) {
            if (stop - offset < header || stop - offset - header < tried)
                continue;
            std::string checked(log.substr(offset + 6, header - 6 + tried));
            const bool numbered = static_cast<unsigned char>(checked[0]) >= 5;
            if (bit < 16) {
                if (numbered == (header == long_header) && mask_crc(crc32c(checked)) == stored)
                    return (offset + 4) * 8 + bit;
                continue;
            }
            const std::string before = checked;
            std::uint32_t checksum = stored;
            if (mend(checked, checksum) != Mended::mended)
                continue;
            if (checksum != stored)
                return offset * 8 + static_cast<unsigned>(std::countr_zero(checksum ^ stored));
            for (std::size_t i = 0; i < before.size(); ++i)
                if (before[i] != checked[i])
                    return (offset + 6 + i) * 8 +
                        static_cast<unsigned>(std::countr_zero(
                            static_cast<unsigned>(static_cast<unsigned char>(before[i] ^ checked[i]))));
        }
    }
    return std::nullopt;
}

}  // namespace posthouse::store
