#include "store/rocksdb/mender.h"

#include "base/text.h"
#include "store/rocksdb/flipped_bit.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/table_format.h"
#include "store/rocksdb/wal.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace posthouse::store {

namespace {

std::vector<std::string> files_in(const std::string& folder, std::string_view prefix, std::string_view suffix)
{
    std::vector<std::string> names;
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        std::string name = entry->path().filename();
        if (name.starts_with(prefix) && name.ends_with(suffix))
            names.push_back(std::move(name));
    }
    std::ranges::sort(names);
    return names;
}

std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view word)
{
    const std::size_t at = text.rfind(word);
    if (at == std::string_view::npos)
        return std::nullopt;
    std::string_view digits = text.substr(at + word.size());
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    return parse_number<std::uint64_t>(digits);
}

}  // namespace

void Mender::mend_before_opening()
{
    const std::scoped_lock lock(mutex_);
    std::error_code ignored;
    if (!std::filesystem::exists(db_, ignored))
        return;
    mend_current();
    for (const std::string& name : files_in(db_, "MANIFEST-", ""))
        mend_log(db_ + "/" + name, 0, true);
    for (const std::string& name : files_in(db_, "", ".log"))
        if (const auto number = parse_number<std::uint64_t>(std::string_view(name).substr(0, name.size() - 4)))
            mend_log(db_ + "/" + name, *number, false);
    for (const std::string& name : files_in(db_, "", ".sst"))
        mend_properties(db_ + "/" + name);
}

bool Mender::mend(std::string_view what)
{
    const std::uint64_t repairs = repairs_;
    const std::scoped_lock lock(mutex_);
    if (repairs_ != repairs)
        return true;  // by another one, while this one waited: most likely the same damage
    // "block checksum mismatch: … in PATH offset N size M"
    const auto offset = number_behind(what, " offset ");
    const auto size = number_behind(what, " size ");
    if (offset && size) {
        const std::size_t name = what.rfind(db_ + "/", what.rfind(" offset "));
        if (name == std::string_view::npos)
            return false;
        const std::string path(what.substr(name, what.rfind(" offset ") - name));
        return mend_block(path, *offset, *size) || block_is_good(path, {*offset, *size});
    }
    return search();
}

// Nothing was named: looks at whatever it can be.
bool Mender::search()
{
    constexpr auto pause = std::chrono::minutes(1);
    constexpr std::uint64_t most_bytes = 4ull << 30;  // seconds of reading
    const auto now = std::chrono::steady_clock::now();
    if (last_search_ != decltype(last_search_){} && now - last_search_ < pause)
        return false;
    std::uint64_t bytes = 0;
    for (const std::string& name : files_in(db_, "", ".blob"))
        bytes += file_size(db_ + "/" + name).value_or(0);
    if (bytes > most_bytes)
        return false;
    bool mended = false;
    for (const std::string& name : files_in(db_, "", ".blob"))
        mended = mend_blob_file(db_ + "/" + name) || mended;
    for (const std::string& name : files_in(db_, "", ".sst")) {
        mended = mend_footer(db_ + "/" + name) || mended;
        mended = mend_meta_blocks(db_ + "/" + name) || mended;
    }
    if (!mended)
        last_search_ = now;
    return mended;
}

// The piece as it was is kept first; then the file is changed in place, and synced.
bool Mender::replace(const std::string& path, std::uint64_t offset, std::string_view before, std::string_view after)
{
    const std::string name = std::filesystem::path(path).filename();
    const std::string root = std::filesystem::path(aside_).parent_path();
    const std::string kept = fmt::format("{}/{}-at-{}", aside_, name, offset);
    for (const std::string& folder : {root, aside_})
        if (auto made = make_folder(folder); !made)
            return false;
    if (!write_file(kept, before) || !overwrite_file(path, offset, after))
        return false;
    ++repairs_;
    log_.write(LogLevel::alarm, "store/rocksdb", 0,
               "one flipped bit in a file of the store was found and put right: look at the disk and the memory",
               {{"file", path}, {"offset", std::to_string(offset)}, {"as_it_was", kept}});
    return true;
}

// CURRENT names the MANIFEST in use; of a broken name the newest MANIFEST is meant.
bool Mender::mend_current()
{
    const std::vector<std::string> manifests = files_in(db_, "MANIFEST-", "");
    const Result<std::string> current = read_file(db_ + "/CURRENT");
    if (!current || manifests.empty())
        return false;
    for (const std::string& name : manifests)
        if (*current == name + "\n")
            return false;
    std::string right = manifests.back() + "\n";
    for (const std::string& name : manifests)
        if (differ_by_one_bit(*current, name + "\n"))
            right = name + "\n";
    if (right.size() != current->size())
        return false;
    return replace(db_ + "/CURRENT", 0, *current, right);
}

bool Mender::mend_log(const std::string& path, std::uint64_t number, bool tail_too)
{
    const Result<std::string> read = read_file(path);
    if (!read)
        return false;
    std::string bytes = *read;
    bool mended = false;
    // Each repair may make more of the log readable.
    for (int repairs = 0; repairs < 16; ++repairs) {
        WalReader reader(bytes, static_cast<std::uint32_t>(number));
        while (reader.next()) { }
        const bool damaged = !reader.damage().empty();
        if (!damaged && !(tail_too && reader.torn()))
            break;
        const std::size_t from = damaged ? reader.damage().front().offset : reader.good_end();
        const auto at = std::ranges::lower_bound(reader.bad_fragments(), from);
        if (at == reader.bad_fragments().end())
            break;
        const auto bit = flipped_bit_of_fragment(bytes, *at);
        if (!bit)
            break;
        const std::string before(1, bytes[*bit / 8]);
        bytes[*bit / 8] = static_cast<char>(bytes[*bit / 8] ^ (1 << (*bit % 8)));
        if (!replace(path, *bit / 8, before, std::string(1, bytes[*bit / 8])))
            return mended;
        mended = true;
    }
    return mended;
}

// A block of a table: its bytes, one byte for how it is packed, its checksum.
bool Mender::mend_block(const std::string& path, std::uint64_t offset, std::uint64_t size)
{
    if (size > most_block_bytes)
        return false;
    const Result<std::string> before = read_range(path, offset, size + block_trailer_bytes);
    if (!before || before->size() != size + block_trailer_bytes)
        return false;
    std::string content = before->substr(0, size + 1);
    std::uint32_t checksum = fixed32(before->substr(size + 1));
    if (store::mend(content, checksum) != Mended::mended)
        return false;
    return replace(path, offset, *before, content + fixed32_bytes(checksum));
}

bool Mender::mend_footer(const std::string& path)
{
    const Result<std::uint64_t> size = file_size(path);
    if (!size || *size < table_footer_bytes)
        return false;
    const std::uint64_t at = *size - table_footer_bytes;
    const Result<std::string> before = read_range(path, at, table_footer_bytes);
    if (!before || before->size() != table_footer_bytes)
        return false;
    // A footer is right when its two blocks have the checksums they should; a damaged one, when this
    // comes true by turning one bit back.
    const auto leads_to_blocks = [&](const std::string& footer) {
        const auto handles = parse_table_footer(footer);
        return handles && block_is_good(path, handles->metaindex) && block_is_good(path, handles->index);
    };
    if (parse_table_footer(*before)) {
        const auto handles = *parse_table_footer(*before);
        // A damaged block is not the footer's fault.
        if (handles.index.offset + handles.index.size + block_trailer_bytes <= at &&
            (block_is_good(path, handles.index) || block_is_good(path, handles.metaindex)))
            return false;
    }
    for (std::uint64_t bit = 0; bit < table_footer_bytes * 8; ++bit) {
        std::string footer = *before;
        footer[bit / 8] = static_cast<char>(footer[bit / 8] ^ (1 << (bit % 8)));
        if (leads_to_blocks(footer))
            return replace(path, at, *before, footer);
    }
    return false;
}

bool Mender::mend_meta_blocks(const std::string& path)
{
    const Result<std::uint64_t> size = file_size(path);
    if (!size || *size < table_footer_bytes)
        return false;
    const Result<std::string> footer = read_range(path, *size - table_footer_bytes, table_footer_bytes);
    const auto handles = footer ? parse_table_footer(*footer) : std::nullopt;
    if (!handles)
        return false;
    bool mended = false;
    for (const BlockHandle& handle : {handles->metaindex, handles->index})
        mended = mend_block(path, handle.offset, handle.size) || mended;
    const Result<std::string> metaindex = read_range(path, handles->metaindex.offset, handles->metaindex.size);
    if (!metaindex)
        return mended;
    for (const MetaBlock& block : parse_metaindex(*metaindex))
        mended = mend_block(path, block.handle.offset, block.handle.size) || mended;
    return mended;
}

// Reads a few kilobytes of a table that is in order.
void Mender::mend_properties(const std::string& path)
{
    const Result<std::uint64_t> size = file_size(path);
    if (!size || *size < table_footer_bytes)
        return;  // RocksDB does not take it for a table either
    const auto footer = [&] { return read_range(path, *size - table_footer_bytes, table_footer_bytes); };
    Result<std::string> bytes = footer();
    if (bytes && !parse_table_footer(*bytes) && mend_footer(path))
        bytes = footer();
    const auto handles = bytes ? parse_table_footer(*bytes) : std::nullopt;
    if (!handles)
        return;
    mend_block(path, handles->metaindex.offset, handles->metaindex.size);
    const Result<std::string> metaindex = read_range(path, handles->metaindex.offset, handles->metaindex.size);
    if (!metaindex)
        return;
    for (const MetaBlock& block : parse_metaindex(*metaindex)) {
        if (block.name != "rocksdb.properties" || block_is_good(path, block.handle) ||
            mend_block(path, block.handle.offset, block.handle.size))
            continue;
        log_.write(LogLevel::alarm, "store/rocksdb", 0,
                   "a table's properties are damaged beyond repair: restore a backup", {{"file", path}});
    }
}

// Records one behind the other, each with a checksum over its header and one over its content.
bool Mender::mend_blob_file(const std::string& path)
{
    const Result<std::uint64_t> size = file_size(path);
    if (!size || *size < blob_header_bytes)
        return false;
    bool mended = false;
    const Result<std::string> header = read_range(path, 0, blob_header_bytes);
    if (header && differ_by_one_bit(*header, our_blob_header()))
        mended = replace(path, 0, *header, our_blob_header());
    std::uint64_t end = *size;
    if (*size >= blob_header_bytes + blob_footer_bytes) {
        const std::uint64_t at = *size - blob_footer_bytes;
        const Result<std::string> before = read_range(path, at, blob_footer_bytes);
        if (before && before->size() == blob_footer_bytes) {
            std::string content = before->substr(0, blob_footer_bytes - 4);
            std::uint32_t checksum = fixed32(before->substr(blob_footer_bytes - 4));
            const Mended found = store::mend(content, checksum);
            if (found == Mended::mended)
                mended = replace(path, at, *before, content + fixed32_bytes(checksum)) || mended;
            if (found != Mended::beyond)
                end = at;
        }
    }
    std::uint64_t next = 0;
    for (std::uint64_t at = blob_header_bytes; at + blob_record_header_bytes <= end; at = next)
        mended = mend_blob_record(path, at, next, end) || mended;
    return mended;
}

bool Mender::mend_blob_record(const std::string& path, std::uint64_t offset, std::uint64_t& next, std::uint64_t end)
{
    next = end;  // where the record's length cannot be known, nothing behind it can be found
    const Result<std::string> before = read_range(path, offset, blob_record_header_bytes);
    if (!before || before->size() != blob_record_header_bytes)
        return false;
    std::string lengths = before->substr(0, blob_record_header_bytes - 8);
    std::uint32_t header_checksum = fixed32(before->substr(blob_record_header_bytes - 8, 4));
    std::uint32_t content_checksum = fixed32(before->substr(blob_record_header_bytes - 4));
    const Mended header = store::mend(lengths, header_checksum);
    if (header == Mended::beyond)
        return false;
    const std::uint64_t key = fixed64(lengths);
    const std::uint64_t value = fixed64(std::string_view(lengths).substr(8));
    if (key > most_block_bytes || value > most_block_bytes || offset + blob_record_header_bytes + key + value > end)
        return false;
    const std::uint64_t begin = offset + blob_record_header_bytes;
    next = begin + key + value;
    const Result<std::string> content = read_range(path, begin, key + value);
    if (!content || content->size() != key + value)
        return false;
    std::string right = *content;
    const Mended body = store::mend(right, content_checksum);
    bool mended = false;
    if (body == Mended::mended && right != *content)
        mended = replace(path, begin, *content, right);
    const std::string head = lengths + fixed32_bytes(header_checksum) + fixed32_bytes(content_checksum);
    if (body != Mended::beyond && head != *before)
        mended = replace(path, offset, *before, head) || mended;
    return mended;
}

}  // namespace posthouse::store
