// Text as searches compare it: decoded, in UTF-8, without case and accents. The index is made of the same texts, so
// that it answers what reading the message would. Pure; threads: any.
#pragma once

#include "message/address.h"

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace posthouse::mailbox {

// So that "strasse" finds "Straße" and "cafe" finds "Café": Unicode's NFKC_Casefold, then without marks.
std::string folded(std::string_view utf8);

// The string a client searches for, in the program's charset, folded. nullopt: the charset is unknown.
std::optional<std::string> folded_key(std::string_view text, std::string_view charset);
bool is_known_charset(std::string_view charset);
inline constexpr std::string_view known_charsets = "(US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252)";

// "Alice Example <alice@north.test>, …", folded: what FROM, TO, CC and BCC look into.
std::string folded_addresses(const std::vector<message::Address>& addresses);

// Of one message's text parts together; what is beyond is not searched.
inline constexpr std::uint64_t most_text = 4 * 1024 * 1024;

// Linear, whatever is in either (HOSTILE A16).
bool contains(std::string_view folded_text, std::string_view folded_key);

// A key for a search by words (RFC 6203): each of them begins a word of the text, or better is one, in any order and
// place. Words are the index's (search/words.h).
class WordKey {
public:
    // How near each word has come so far, of 100.
    using Nearness = std::vector<std::uint8_t>;
    static constexpr unsigned whole_word = 100;
    static constexpr unsigned beginning = 60;

    explicit WordKey(std::string_view folded_key);
    std::size_t size() const { return words_.size(); }  // 0: there are neither letters nor digits in it
    Nearness nothing() const { return Nearness(words_.size(), 0); }
    // Raises `nearness` to what the text holds; `weight` of 100 is what the place counts. Goes through the text once.
    void look(std::string_view folded_text, unsigned weight, Nearness& nearness) const;
    // The mean; 0 where one word is missing.
    static unsigned total(const Nearness& nearness);

private:
    std::vector<std::string> words_;
    std::bitset<256> first_bytes_;
};

// A header made ready for many HEADER keys: each field's values, decoded and folded, under its name.
class FoldedHeader {
public:
    explicit FoldedHeader(std::string_view header);
    // Is the field there, with this text in it? An empty text fits every field that is there.
    bool has(std::string_view field, std::string_view folded_text) const;
    // What the fields of this name hold, a line each; empty: there is none.
    std::string_view values(std::string_view field) const;
    bool contains_anywhere(std::string_view folded_text) const;
    // All of it, a line a field: "subject: x".
    const std::string& whole() const { return whole_; }

private:
    std::unordered_map<std::string, std::string> values_;  // by name in lower case; one line each
    std::string whole_;
};

}  // namespace posthouse::mailbox
