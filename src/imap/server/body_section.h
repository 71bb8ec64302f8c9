// Which bytes of a message a section names. RFC 3501 section 6.4.5. Pure; nothing is parsed anew but
// the header that HEADER.FIELDS picks from.
#pragma once

#include "imap/grammar/fetch_attributes.h"
#include "mailbox/mailbox.h"

#include <optional>
#include <string>
#include <string_view>

namespace posthouse::imap {

// Of the whole message, prefix included: [begin, end).
struct Octets {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t size() const { return end - begin; }
    friend bool operator==(const Octets&, const Octets&) = default;
};

// For the HEADER.FIELDS forms: the header to pick from. nullopt: there is no such part (NIL).
std::optional<Octets> octets_of(const mailbox::Email& email, const Section& section);

// BODY[…]<offset.length>: what is left of it; nothing where the offset is beyond the end.
Octets clipped(Octets octets, const std::optional<Partial>& partial);

// The fields that `section` names (or all others), as they stand, and an empty line.
std::string picked_fields(std::string_view header, const Section& section);

}  // namespace posthouse::imap
