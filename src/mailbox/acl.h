// Who may do what with a mailbox: RFC 4314. Pure; threads: any.
#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::mailbox {

// RFC 4314 section 2.1, in the order of their usual spelling: l r s w i p k x t e a.
enum class Right : std::uint8_t {
    lookup,
    read,
    keep_seen,
    write,
    insert,
    post,
    create,
    remove_mailbox,
    remove_messages,
    expunge,
    administer,
};
inline constexpr std::size_t number_of_rights = 11;

class Rights {
public:
    constexpr Rights() = default;
    constexpr explicit Rights(std::uint16_t bits) : bits_(bits & all_bits) { }
    static constexpr Rights all() { return Rights(all_bits); }
    constexpr bool has(Right right) const { return (bits_ >> static_cast<unsigned>(right)) & 1; }
    constexpr Rights& add(Right right)
    {
        bits_ |= static_cast<std::uint16_t>(1u << static_cast<unsigned>(right));
        return *this;
    }
    constexpr Rights operator|(Rights other) const { return Rights(bits_ | other.bits_); }
    constexpr Rights without(Rights other) const { return Rights(bits_ & ~other.bits_); }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr std::uint16_t bits() const { return bits_; }
    friend constexpr bool operator==(Rights, Rights) = default;

private:
    static constexpr std::uint16_t all_bits = (1u << number_of_rights) - 1;
    std::uint16_t bits_ = 0;
};

// "lrs" → Rights. RFC 4314 section 2.1.1: the old `c` means k and x, the old `d` means t and e. malformed: a letter
// that is no right.
Result<Rights> rights_of(std::string_view letters);
// With `c` and `d` where a right that they stand for is there (RFC 4314 section 2.1.1), as old clients ask for them.
std::string text_of(Rights rights);

inline constexpr Id anyone = 0;  // as AclEntry::account

// RFC 4314 section 2: what somebody may do, or (negative) may not do whatever else gives it to him.
struct AclEntry {
    Id account = anyone;
    bool negative = false;
    Rights rights;
    friend bool operator==(const AclEntry&, const AclEntry&) = default;
};
// One mailbox's, in order of account and sign, no entry without rights. The owner is not in it: he may do everything.
using Acl = std::vector<AclEntry>;
using AclPtr = std::shared_ptr<const Acl>;  // null: nobody but the owner
inline constexpr std::size_t most_acl_entries = 1000;

Rights rights_in(const Acl& acl, Id account);

enum class AclChange : std::uint8_t { replace, add, remove };
// SETACL's "+rights", "-rights" and "rights"; an entry that is left without rights goes.
Acl changed(Acl acl, const AclEntry& entry, AclChange change);

}  // namespace posthouse::mailbox
