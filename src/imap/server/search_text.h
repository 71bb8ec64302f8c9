// Text as SEARCH compares it: decoded, in UTF-8, without case and accents.
#pragma once

#include "mailbox/mailbox.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::imap {

// So that "strasse" finds "Straße" and "cafe" finds "Café": Unicode's NFKC_Casefold, then without marks.
std::string folded(std::string_view utf8);

// The string a client searches for, in the program's charset, folded. nullopt: the charset is unknown.
std::optional<std::string> folded_key(std::string_view text, std::string_view charset);
bool is_known_charset(std::string_view charset);
inline constexpr std::string_view known_charsets = "(US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252)";

// "Alice Example <alice@north.test>, …", folded: what FROM, TO, CC and BCC look into.
std::string folded_addresses(const std::vector<message::Address>& addresses);

// Of a header field: is it there, with this text in one of its lines? An empty text fits every field.
bool header_contains(std::string_view header, std::string_view field, std::string_view folded_text);
// The whole header, decoded and folded, for TEXT.
std::string folded_header(std::string_view header);

}  // namespace posthouse::imap
