// The rows of many messages, in batches, while others have their turn: SORT's and THREAD's way through what was found.
#pragma once

#include "imap/server/progress.h"
#include "imap/server/search_match.h"
#include "imap/server/sort_key.h"

#include <functional>

namespace posthouse::imap {

// Calls `each` for every position, in order; a row that cannot be read is nullptr. `closed`: the peer is gone.
using EachRow = std::function<void(std::uint32_t position, const mailbox::Entry& entry, const mailbox::Email* email)>;
Task<Result<void>> for_each_row(const SearchScope& scope, std::span<const std::uint32_t> positions, Progress& progress,
                                EachRow each);

// The same for what is to be sorted: rows are read only where one of the criteria needs them, else each is nullptr.
Task<Result<void>> for_each_to_sort(Session& session, const SearchScope& scope,
                                    std::span<const std::uint32_t> positions,
                                    const std::vector<SortCriterion>& criteria, std::string tag, EachRow each);

}  // namespace posthouse::imap
