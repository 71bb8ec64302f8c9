// The rows of many messages, in batches, while others have their turn: SORT's and THREAD's way through what was found.
#pragma once

#include "imap/server/progress.h"
#include "imap/server/search_match.h"

#include <functional>

namespace posthouse::imap {

// Calls `each` for every position, in order; a row that cannot be read is nullptr. `closed`: the peer is gone.
using EachRow = std::function<void(std::uint32_t position, const mailbox::Entry& entry, const mailbox::Email* email)>;
Task<Result<void>> for_each_row(const SearchScope& scope, std::span<const std::uint32_t> positions, Progress& progress,
                                EachRow each);

}  // namespace posthouse::imap
