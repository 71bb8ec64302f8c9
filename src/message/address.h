// E-mail addresses as they stand in header fields (RFC 5322 section 3.4, with comments, groups,
// quoted strings, the obs- forms of section 4.4, and UTF-8 by RFC 6532).
//
// One parser, two tempers: parse_addresses() says why a field is wrong, for the MSA that must refuse
// it; read_addresses() makes the best of anything the world sends, for ENVELOPE and lists.
// Both are one pass over the text, without recursion: linear in its length, whatever it holds.
// Pure; threads: any. Nothing kept refers to the text that was read.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::message {

// RFC 5322 section 3.4.1, unquoted: `"a b"@x.test` has the local part `a b`.
struct AddrSpec {
    std::string local_part;
    std::string domain;  // as written (case, A- or U-labels); an address literal keeps its brackets
    bool empty() const { return local_part.empty() && domain.empty(); }
    std::string text() const;  // local part quoted where it must be
    friend bool operator==(const AddrSpec&, const AddrSpec&) = default;
};

// One item of an address list. A group is a group_start (its name in display_name), its members,
// and a group_end: as IMAP's ENVELOPE wants it (RFC 3501 section 7.4.2).
struct Address {
    enum class Kind : std::uint8_t { mailbox, group_start, group_end };
    Kind kind = Kind::mailbox;
    std::string display_name;  // unquoted; encoded-words as they came: decode_text() (message/header.h) for people
    AddrSpec spec;  // from read_addresses(): parts that are missing are empty
    std::string route;  // obs-route, "@a.test,@b.test": IMAP's at-domain-list

    bool is_mailbox() const { return kind == Kind::mailbox; }
    // For people and for header fields in ASCII: `"Public, J." <j@x.test>`. The builder (message/builder.h)
    // encodes display names that are not ASCII.
    std::string text() const;
    friend bool operator==(const Address&, const Address&) = default;
};

enum class AddressRule : std::uint8_t {
    one_mailbox,  // Sender
    mailboxes,  // From, Resent-From: one or more, no groups
    addresses,  // To, Cc, Reply-To: one or more, groups allowed
    addresses_or_none,  // Bcc: may be empty
};

inline constexpr std::size_t most_addresses = 10'000;  // kept of one field

// Of a field's value, folded or not. Errors: malformed with a sentence to tell the sender ("the address
// 'bob' has no domain"), ASCII only and without control characters; too_large past `most`.
// Accepts what RFC 5322 tells receivers to accept (obs- forms), and local parts to 64 octets and domains
// to 255 (RFC 5321 section 4.5.3.1).
Result<std::vector<Address>> parse_addresses(std::string_view value, AddressRule rule,
                                             std::size_t most = most_addresses);

// Never fails. What has no domain keeps an empty one; text that is no address becomes a display name;
// what stands past `most` is left out. A comment behind a bare address is its display name.
std::vector<Address> read_addresses(std::string_view value, std::size_t most = most_addresses);

// One addr-spec alone, as people type it: "alice@north.test". malformed says why.
Result<AddrSpec> parse_addr_spec(std::string_view text);

// RFC 5322 section 3.2.3, with RFC 6532: may the local part stand without quotes?
bool is_dot_atom(std::string_view text);
// A quoted-string (section 3.2.4) of any text without CR, LF and NUL, which are left out.
std::string quoted_string(std::string_view text);

}  // namespace posthouse::message
