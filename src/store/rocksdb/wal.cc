#include "store/rocksdb/wal.h"

#include "store/rocksdb/crc32c.h"

#include <algorithm>

namespace posthouse::store {

namespace {

constexpr std::size_t block_size = 32768;
constexpr std::size_t short_header = 7;
constexpr std::size_t long_header = 11;  // with the log number
constexpr std::uint8_t first_numbered_type = 5;
constexpr std::uint8_t last_numbered_type = 8;
constexpr std::uint8_t compression_type = 9;  // a log that begins with it is compressed: never ours

std::uint64_t little_endian(std::string_view bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        value = (value << 8) | static_cast<unsigned char>(bytes[i]);
    return value;
}

void put_little_endian(std::string& out, std::uint64_t value, int bytes)
{
    for (; bytes > 0; --bytes, value >>= 8)
        out += static_cast<char>(value);
}

bool all_zero(std::string_view bytes)
{
    return std::ranges::all_of(bytes, [](char c) { return c == '\0'; });
}

std::size_t block_end(std::size_t at) { return (at / block_size + 1) * block_size; }

}  // namespace

// One fragment at exactly `at`; kind `bad` where none can be read there.
WalReader::Fragment WalReader::parse_at(std::size_t at) const
{
    using Kind = Fragment::Kind;
    const std::size_t stop = std::min(block_end(at), file_.size());
    Fragment bad{Kind::bad, at, stop, {}, false};
    if (stop - at < short_header)
        return bad;
    const auto length = static_cast<std::size_t>(little_endian(file_.substr(at + 4, 2)));
    const auto type = static_cast<std::uint8_t>(file_[at + 6]);
    const bool numbered = type >= first_numbered_type && type <= last_numbered_type;
    const std::size_t header = numbered ? long_header : short_header;
    if (type == 0 || type > compression_type || stop - at < header || stop - at - header < length)
        return bad;
    const auto stored = static_cast<std::uint32_t>(little_endian(file_.substr(at, 4)));
    if (stored != mask_crc(crc32c(file_.substr(at + 6, header - 6 + length))))
        return bad;
    Fragment good{Kind::other, at, at + header + length, file_.substr(at + header, length), numbered};
    if (numbered && little_endian(file_.substr(at + 7, 4)) != log_number_)
        return good;
    switch (type) {
    case 1:
    case 5: good.kind = Kind::whole; break;
    case 2:
    case 6: good.kind = Kind::first; break;
    case 3:
    case 7: good.kind = Kind::middle; break;
    case 4:
    case 8: good.kind = Kind::last; break;
    }
    return good;
}

// Where to go on behind a fragment that cannot be read: at the next one if its length leads to a
// chain of good ones up to the block's end, else at the next block. Never at any offset that merely
// looks right: the bytes of a record are what outsiders wrote.
std::size_t WalReader::skip_bad(std::size_t at) const
{
    const std::size_t stop = std::min(block_end(at), file_.size());
    if (stop - at < short_header)
        return stop;
    const auto length = static_cast<std::size_t>(little_endian(file_.substr(at + 4, 2)));
    for (const std::size_t header : {long_header, short_header}) {
        const std::size_t begin = at + header + length;
        std::size_t next = begin;
        while (next < stop && !all_zero(file_.substr(next, stop - next))) {
            const Fragment fragment = parse_at(next);
            if (fragment.kind == Fragment::Kind::bad)
                break;
            next = fragment.end;
        }
        if (next > begin && (next >= stop || all_zero(file_.substr(next, stop - next))))
            return begin;
    }
    return stop;
}

WalReader::Fragment WalReader::fragment()
{
    while (at_ < file_.size()) {
        const std::size_t stop = std::min(block_end(at_), file_.size());
        // Padding, and space that was reserved and never written.
        if (all_zero(file_.substr(at_, std::min(stop - at_, short_header)))) {
            if (!all_zero(file_.substr(at_, stop - at_)))
                suspect(at_);
            at_ = stop;
            continue;
        }
        Fragment found = parse_at(at_);
        if (found.kind == Fragment::Kind::bad)
            bad_fragments_.push_back(at_);
        at_ = found.kind == Fragment::Kind::bad ? skip_bad(at_) : found.end;
        return found;
    }
    return {Fragment::Kind::end, at_, at_, {}, false};
}

void WalReader::suspect(std::size_t at)
{
    if (torn_at_)
        return;
    torn_at_ = at;
    torn_is_ours_ = looks_like_ours(at);
}

// A file that is used again holds an older log behind the newer one; where the newer ends, the older
// goes on in the middle of a record.
bool WalReader::looks_like_ours(std::size_t at) const
{
    const std::string_view header = file_.substr(at, long_header);
    if (header.size() < long_header)
        return true;
    const auto type = static_cast<std::uint8_t>(header[6]);
    if (numbered_ || (type >= first_numbered_type && type <= last_numbered_type))
        return little_endian(header.substr(7)) == log_number_;
    return true;
}

void WalReader::confirm_suspicion(std::size_t until)
{
    if (torn_at_)
        damage_.push_back({*torn_at_, until});
    torn_at_.reset();
}

std::optional<WalRecord> WalReader::next()
{
    using Kind = Fragment::Kind;
    std::optional<WalRecord> record;
    for (;;) {
        const Fragment found = fragment();
        const bool goes_on = found.kind == Kind::middle || found.kind == Kind::last;
        if (record && !goes_on) {
            suspect(record->offset);  // its end is missing
            record.reset();
        }
        switch (found.kind) {
        case Kind::end: return std::nullopt;
        case Kind::bad: suspect(found.offset); break;
        case Kind::other: break;
        case Kind::whole:
        case Kind::first:
            record = WalRecord{found.offset, found.end, std::string(found.bytes), found.with_log_number};
            break;
        case Kind::middle:
        case Kind::last:
            if (!record) {
                suspect(found.offset);  // its beginning is missing
                break;
            }
            record->bytes += found.bytes;
            record->end = found.end;
            break;
        }
        if (record && (found.kind == Kind::whole || found.kind == Kind::last)) {
            confirm_suspicion(record->offset);
            good_end_ = record->end;
            numbered_ = record->with_log_number;
            return record;
        }
    }
}

void WalWriter::add(std::string_view record)
{
    const std::size_t header = log_number_ ? long_header : short_header;
    const std::uint8_t base = log_number_ ? first_numbered_type : 1;
    bool begun = false;
    do {
        std::size_t room = block_end(out_.size()) - out_.size();
        if (room < header) {
            out_.append(room, '\0');
            room = block_size;
        }
        const std::string_view part = record.substr(0, room - header);
        record.remove_prefix(part.size());
        const bool ends = record.empty();
        const int kind = begun ? (ends ? 3 : 2) : (ends ? 0 : 1);
        fragment(static_cast<std::uint8_t>(base + kind), part);
        begun = true;
    } while (!record.empty());
}

void WalWriter::fragment(std::uint8_t type, std::string_view bytes)
{
    std::string checked(1, static_cast<char>(type));
    if (log_number_)
        put_little_endian(checked, *log_number_, 4);
    put_little_endian(out_, mask_crc(crc32c(bytes, crc32c(checked))), 4);
    put_little_endian(out_, bytes.size(), 2);
    out_ += checked;
    out_ += bytes;
}

std::optional<WalBatchHeader> batch_header(std::string_view record)
{
    constexpr std::size_t size = 12;
    if (record.size() < size)
        return std::nullopt;
    return WalBatchHeader{little_endian(record.substr(0, 8)),
                          static_cast<std::uint32_t>(little_endian(record.substr(8, 4)))};
}

}  // namespace posthouse::store
