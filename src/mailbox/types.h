// The values that the mailbox room speaks in: ids, flags, entries, snapshots.
//
// A Snapshot is immutable and shared: the account's owner publishes a new one with each commit, all
// sessions read the same object. Reading needs no lock and no thread of its own.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::mailbox {

using AccountId = Id;
using MailboxId = Id;  // stable over renames: OBJECTID's MAILBOXID (RFC 8474)
using EmailId = Id;  // the same in every mailbox a message is copied to: EMAILID
using ThreadId = Id;
using Uid = std::uint32_t;
using UidValidity = std::uint32_t;
using ModSeq = std::uint64_t;  // per account, rises with each commit; also JMAP's state

// RFC 3501 section 2.3.2. `\Recent` is a session's business and not stored.
enum class SystemFlag : std::uint8_t { answered, flagged, deleted, draft, seen };
inline constexpr std::size_t system_flags = 5;
inline constexpr std::size_t most_keywords = 123;  // per account
inline constexpr std::size_t longest_keyword = 64;  // bytes

// The flags of one message: a set of bits. Bits from `system_flags` on are keywords, numbered by
// the account's keyword table.
class FlagBits {
public:
    bool has(std::size_t bit) const { return (words_[bit / 64] >> (bit % 64)) & 1; }
    bool has(SystemFlag flag) const { return has(static_cast<std::size_t>(flag)); }
    FlagBits& add(std::size_t bit)
    {
        words_[bit / 64] |= std::uint64_t{1} << (bit % 64);
        return *this;
    }
    FlagBits& add(SystemFlag flag) { return add(static_cast<std::size_t>(flag)); }
    FlagBits operator|(FlagBits other) const { return {words_[0] | other.words_[0], words_[1] | other.words_[1]}; }
    FlagBits without(FlagBits other) const { return {words_[0] & ~other.words_[0], words_[1] & ~other.words_[1]}; }
    bool empty() const { return words_[0] == 0 && words_[1] == 0; }
    std::array<std::uint64_t, 2> words() const { return words_; }
    FlagBits() = default;
    FlagBits(std::uint64_t low, std::uint64_t high) : words_{low, high} { }
    friend bool operator==(const FlagBits&, const FlagBits&) = default;

private:
    std::array<std::uint64_t, 2> words_{};
};

// The account's keywords in order of their bits; append-only. As first spelt; compared ignoring case.
struct KeywordTable {
    std::vector<std::string> names;
    std::optional<std::size_t> bit_of(std::string_view name) const;
};

// "\\Seen", "$Forwarded", "work", … for IMAP; both kinds.
std::vector<std::string> flag_names(FlagBits bits, const KeywordTable& keywords);
// "\\Seen" → SystemFlag::seen, ignoring case; nullopt for keywords and unknown `\` names.
std::optional<SystemFlag> system_flag(std::string_view name);
std::string_view name_of(SystemFlag flag);

// One message in one mailbox.
struct Entry {
    Uid uid = 0;
    EmailId email = 0;
    ModSeq modseq = 0;
    FlagBits flags;
    WallTime internal_date;
    WallTime save_date;
    std::uint64_t size = 0;  // of the whole: prefix and content
};

// Entries of up to 128 consecutive UIDs, in order. Shared between snapshots while unchanged.
inline constexpr Uid block_span = 128;
struct Block {
    Uid number = 0;  // uid ÷ 128
    ModSeq highest_modseq = 0;
    std::vector<Entry> entries;
};

class Snapshot {
public:
    MailboxId mailbox = 0;
    UidValidity uid_validity = 0;
    Uid uid_next = 1;
    ModSeq highest_modseq = 1;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t total_size = 0;
    std::shared_ptr<const KeywordTable> keywords;
    std::vector<std::shared_ptr<const Block>> blocks;  // in order of number, none empty
    std::vector<std::uint32_t> first_position;  // of each block; positions count from 0

    std::uint32_t size() const { return size_; }
    const Entry& at(std::uint32_t position) const;  // position < size(); sequence number - 1
    const Entry* find(Uid uid) const;  // nullptr: no such message
    std::uint32_t position_of(Uid uid) const;  // of the first entry with at least this uid
    // Fills first_position, size() and the counts from the blocks, which may have been made by hand.
    void count();

private:
    friend class Shelf;  // knows the counts without counting
    std::uint32_t size_ = 0;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

// A set of UIDs or sequence numbers: ranges in rising order, not touching. RFC 3501 `sequence-set`,
// after `*` has been resolved. "1:4294967295" is one range: nothing is enumerated.
struct NumberRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};
class NumberSet {
public:
    void add(std::uint32_t number) { add({number, number}); }
    void add(NumberRange range);  // in any order; amortised cheap when rising
    bool contains(std::uint32_t number) const;
    bool overlaps(NumberRange range) const;
    bool empty() const { return ranges_.empty(); }
    std::uint64_t count() const;
    std::span<const NumberRange> ranges() const { return ranges_; }
    std::string text() const;  // "1:3,7"
    friend bool operator==(const NumberSet&, const NumberSet&) = default;

private:
    std::vector<NumberRange> ranges_;
};

}  // namespace posthouse::mailbox
