// Folded text as the index sees it: runs of letters, digits and whatever is not ASCII. Pure; threads: any.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace posthouse::search {

// Where a text stands. A byte that is in no run, so that a search within runs never meets it.
enum class Field : char { body = 1, header = 2, subject = 3, from = 4, to = 5, cc = 6, bcc = 7 };
inline constexpr std::size_t number_of_fields = 7;

class Fields {
public:
    constexpr Fields() = default;
    constexpr Fields(Field field) : bits_(1u << static_cast<unsigned>(field)) { }
    constexpr Fields operator|(Fields other) const
    {
        Fields both;
        both.bits_ = bits_ | other.bits_;
        return both;
    }
    constexpr bool has(char field) const { return (bits_ >> static_cast<unsigned char>(field)) & 1; }

private:
    unsigned bits_ = 0;
};

// A run is a term as it is up to `longest_term` bytes; a longer one is cut into pieces that overlap, so that every
// key of up to `overlap` bytes lies within one of them.
inline constexpr std::size_t longest_term = 64;
inline constexpr std::size_t overlap = 32;

bool is_of_run(char c);

template <class Visit> void each_run(std::string_view text, Visit visit)
{
    for (std::size_t at = 0; at < text.size();) {
        if (!is_of_run(text[at])) {
            ++at;
            continue;
        }
        const std::size_t begin = at;
        while (at < text.size() && is_of_run(text[at]))
            ++at;
        visit(text.substr(begin, at - begin));
    }
}

template <class Visit> void each_term(std::string_view text, Visit visit)
{
    each_run(text, [&visit](std::string_view run) {
        for (std::size_t at = 0;; at += overlap) {
            visit(run.substr(at, longest_term));
            if (run.size() - at <= longest_term)
                break;
        }
    });
}

// What of a key is looked for among the terms.
struct Needle {
    std::string_view text;
    bool at_start = false;  // of a run
    bool at_end = false;
};
struct Needles {
    std::vector<Needle> all;  // a message that holds the key holds each of them; empty: the index knows nothing
    bool exact = false;  // and the other way round
};
Needles needles_of(std::string_view folded_key);
// For a search by words: each must begin a word, or be one, in any order and place.
enum class Words { beginnings, whole };
Needles words_of(std::string_view folded_key, Words words);

}  // namespace posthouse::search
