// RocksDB's log format (its write-ahead log and its MANIFEST), read and written by ourselves.
//
// RocksDB's own recovery stops at the first bad record, or skips what it cannot read, and in both
// cases says nothing: one flipped bit silently cost 700 of 1,000 synced records. So before RocksDB
// opens a folder we read its logs, tell a torn tail (the normal end after a crash) from damage with
// good records behind it, and in that case salvage.
//
// The format: blocks of 32 KiB. A record is cut into fragments that do not cross a block:
//   u32 masked CRC-32C (of what follows but the length), u16 length, u8 type, [u32 log number], bytes
// all little-endian. Types 1-4 are whole, first, middle, last; 5-8 the same with the log number,
// used where files are written over again: a fragment with another number is what the file held
// before. A block's last bytes that hold no header are zero.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::store {

struct WalRecord {
    std::size_t offset;  // of its first fragment in the file
    std::size_t end;  // behind its last fragment
    std::string bytes;
    bool with_log_number;
};

struct WalDamage {
    std::size_t offset;
    std::size_t end;  // where reading went on
};

// Reads one log from memory. Lifetime: the bytes outlive the reader.
class WalReader {
public:
    WalReader(std::string_view file, std::uint32_t log_number) : file_(file), log_number_(log_number) { }

    // The next record that is whole and right; nullopt: no more in this file.
    std::optional<WalRecord> next();
    // Stretches that could not be read, up to the last record given; `tail()` is not among them.
    const std::vector<WalDamage>& damage() const { return damage_; }
    // Where fragments stand that could not be read: inside damage() or the tail.
    const std::vector<std::size_t>& bad_fragments() const { return bad_fragments_; }
    // After next() gave nullopt: behind the last good record lies a broken one of this log (torn by a
    // crash, or damaged), and not only zeros or what an older log left.
    bool torn() const { return torn_at_.has_value() && torn_is_ours_; }
    // Behind the last good record.
    std::size_t good_end() const { return good_end_; }

private:
    struct Fragment {
        enum class Kind { whole, first, middle, last, other, bad, end } kind;
        std::size_t offset = 0;
        std::size_t end = 0;
        std::string_view bytes;
        bool with_log_number = false;
    };
    Fragment fragment();
    Fragment parse_at(std::size_t at) const;
    std::size_t skip_bad(std::size_t at) const;
    void suspect(std::size_t at);
    bool looks_like_ours(std::size_t at) const;
    void confirm_suspicion(std::size_t until);

    std::string_view file_;
    std::uint32_t log_number_;
    std::size_t at_ = 0;
    std::size_t good_end_ = 0;
    std::optional<std::size_t> torn_at_;  // first unreadable byte that no good record follows yet
    bool torn_is_ours_ = false;
    bool numbered_ = false;  // as its good records are
    std::vector<WalDamage> damage_;
    std::vector<std::size_t> bad_fragments_;
};

// Writes a log that RocksDB reads: for salvage and for tests.
class WalWriter {
public:
    // `log_number`: as in the log that is replaced; nullopt writes the form without numbers.
    explicit WalWriter(std::optional<std::uint32_t> log_number) : log_number_(log_number) { }
    void add(std::string_view record);
    const std::string& bytes() const { return out_; }

private:
    void fragment(std::uint8_t type, std::string_view bytes);
    std::optional<std::uint32_t> log_number_;
    std::string out_;
};

// What a record of a write-ahead log begins with: a write batch's header.
struct WalBatchHeader {
    std::uint64_t sequence;
    std::uint32_t count;
};
std::optional<WalBatchHeader> batch_header(std::string_view record);

}  // namespace posthouse::store
