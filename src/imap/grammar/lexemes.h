// The small productions of IMAP's grammar, one function each, by the ABNF's own names.
//
// RFC 3501 section 9. Each takes a Cursor over a whole command (framer.h), in which literals stand in
// place, and answers nullopt where the production does not fit; the cursor is then anywhere.
// Views point into the command; strings are copies.
#pragma once

#include "base/cursor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthouse::imap {

bool is_atom_char(char c);  // ATOM-CHAR
bool is_astring_char(char c);  // ASTRING-CHAR: also "]"
bool is_list_char(char c);  // list-char: also "%" and "*"

std::optional<std::string_view> tag(Cursor& in);
std::optional<std::string_view> atom(Cursor& in);
// quoted or literal. Bytes from 0x80 on are let through in quoted strings: clients send UTF-8 there.
std::optional<std::string> quoted(Cursor& in);
std::optional<std::string> literal(Cursor& in);
std::optional<std::string> string(Cursor& in);
std::optional<std::string> astring(Cursor& in);
// The inner optional is empty for NIL.
std::optional<std::optional<std::string>> nstring(Cursor& in);
std::optional<std::string> list_mailbox(Cursor& in);
std::optional<std::uint32_t> number(Cursor& in);
std::optional<std::uint32_t> nz_number(Cursor& in);
std::optional<std::uint64_t> number64(Cursor& in);  // RFC 9051: 63 bits; mod-sequence values too
// "\Seen", "$Forwarded": flag. `\Recent` is refused: nobody may set it.
std::optional<std::string> flag(Cursor& in);

// A word that must end where its letters end: "ALL" does not fit "ALLOW".
bool take_word(Cursor& in, std::string_view word);
// Only looks.
bool next_is_word(const Cursor& in, std::string_view word);

}  // namespace posthouse::imap
