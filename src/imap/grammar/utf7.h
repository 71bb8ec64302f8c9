// Modified UTF-7, in which mailbox names travel: RFC 3501 section 5.1.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthouse::imap {

// How mailbox names travel: RFC 3501's way, or as they are once IMAP4rev2 (RFC 9051) or UTF8=ACCEPT (RFC 6855) is on.
enum class NameEncoding : std::uint8_t { utf7, utf8 };

// Strict: each name has exactly one encoding. nullopt for 8-bit bytes, controls, printable ASCII in
// base64, bits left over, lone surrogates, two encoded runs that should have been one. The answer is UTF-8.
std::optional<std::string> from_utf7(std::string_view text);

// `utf8` must be valid UTF-8; what is not comes out as U+FFFD.
std::string to_utf7(std::string_view utf8);

}  // namespace posthouse::imap
