// RFC 3501 `sequence-set`: "1:3,7,9:*"; RFC 5182: "$". Kept as written; nothing is enumerated.
#pragma once

#include "base/cursor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::imap {

struct SequenceSet {
    static constexpr std::uint32_t star = 0;  // `*`: the largest number in use
    struct Item {
        std::uint32_t first = 0;
        std::uint32_t last = 0;  // may be below `first`: 4:2 is 2:4
        friend bool operator==(const Item&, const Item&) = default;
    };
    std::vector<Item> items;  // one or more, unless it is `$`
    bool is_saved = false;  // `$`: what the last SEARCH has saved (RFC 5182)

    std::string text() const;
    friend bool operator==(const SequenceSet&, const SequenceSet&) = default;
};

std::optional<SequenceSet> sequence_set(Cursor& in);

}  // namespace posthouse::imap
