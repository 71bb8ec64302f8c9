// BINARY[…]: a part without its transfer encoding. RFC 3516 section 4.2.
//
// A literal says its size first, so a large part is read twice: once to measure, once to send.
#pragma once

#include "imap/server/body_section.h"
#include "message/body.h"

namespace posthouse::imap {

// What a BINARY item speaks of.
struct BinaryPart {
    Octets octets;  // of the whole message, still encoded
    message::TransferEncoding encoding = message::TransferEncoding::identity;
};
// nullopt: there is no such part. ErrorCode::malformed: an encoding that nobody knows ([UNKNOWN-CTE]).
Result<std::optional<BinaryPart>> binary_part(const mailbox::Email& email, const Section& section);

struct BinaryFacts {
    std::uint64_t size = 0;
    bool has_nul = false;  // then it goes as a literal8
};
BinaryFacts facts_of(std::string_view decoded);
Task<Result<BinaryFacts>> measure(mailbox::Account& account, mailbox::Email email, BinaryPart part);

}  // namespace posthouse::imap
