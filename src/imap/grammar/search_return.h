// RETURN (…) of SEARCH, SORT and ESEARCH: RFC 4731, 5182 (SAVE), 5267 (PARTIAL, UPDATE, CONTEXT), 9394 (PARTIAL), 6203
// (RELEVANCY).
#pragma once

#include "base/cursor.h"
#include "imap/grammar/fetch_attributes.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace posthouse::imap {

// RFC 9394 section 4: "1:500", or "-1:-100" for the last hundred, the newest first. Both ends count.
struct PartialRange {
    std::uint32_t first = 1;  // not above `last`
    std::uint32_t last = 1;
    bool from_end = false;
    bool falls = false;  // it was written the other way round, "3:1", and is told so

    std::string text() const;
    friend bool operator==(const PartialRange&, const PartialRange&) = default;
};
std::optional<PartialRange> partial_range(Cursor& in);

// Without RETURN nothing is set and the answer is an old-style SEARCH.
struct SearchReturn {
    bool is_extended = false;
    bool min = false;
    bool max = false;
    bool all = false;
    bool count = false;
    bool save = false;
    bool update = false;
    std::vector<FetchAttribute> of_new;  // RFC 5465 section 7: told of each new message that joins an UPDATE
    bool context = false;
    bool relevancy = false;  // RFC 6203 section 4
    std::optional<PartialRange> partial;

    friend bool operator==(const SearchReturn&, const SearchReturn&) = default;
};
// RFC 6203 sections 4 and 6: RELEVANCY must not be asked for unless a FUZZY key is given.
inline constexpr std::string_view nothing_fuzzy = "RELEVANCY goes with a FUZZY key";

// ["RETURN" SP "(" [option *(SP option)] ")" SP]. The error is a reason for people.
std::expected<SearchReturn, std::string> search_return(Cursor& in);

}  // namespace posthouse::imap
