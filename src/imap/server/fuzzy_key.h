// A text that is searched for by words (RFC 6203), and how near a message comes to it.
//
// Points are of 100: a whole word counts more than a word's beginning; in TEXT the subject counts more than who wrote
// it and to whom, and these more than the rest. What the index has found counts as what reading would find, but that a
// word of the body is whole or not is asked of it for all words of the key together.
#pragma once

#include "imap/grammar/search_program.h"
#include "imap/server/search_text.h"

#include <optional>
#include <string>

namespace posthouse::imap {

struct Candidate;

class FuzzyKey {
public:
    // Is it a key that is searched by words? Lifetime: the key outlives this.
    static std::optional<FuzzyKey> make(const SearchKey& key, std::string_view folded);

    std::size_t words() const { return words_.size(); }
    // By what has been read of the message; 0: it does not fit; nullopt: more must be read.
    std::optional<unsigned> points(const Candidate& candidate) const;
    // Of a message whose row is read and that the index says to fit.
    unsigned points_of_hit(const Candidate& candidate, bool whole_words) const;

private:
    FuzzyKey(const SearchKey& key, std::string_view folded) : key_(&key), words_(folded) { }
    unsigned points_of_text(const Candidate& candidate, WordKey::Nearness nearness) const;

    const SearchKey* key_;
    WordKey words_;
};

}  // namespace posthouse::imap
