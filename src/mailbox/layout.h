// Entries as they will stand behind a mailbox's UIDNEXT, cut into blocks: what COPY and MULTIAPPEND write before
// anybody may see it.
#pragma once

#include "mailbox/shelf.h"

namespace posthouse::mailbox {

class Owner;

struct Layout {
    std::vector<Entry> shared;  // into the block that is already there
    std::vector<BlockPtr> whole;
};

// With the target's next UIDs, `modseq` and a save date of `now`.
Layout lay_out(const MailboxRow& target, std::span<const Entry> entries, ModSeq modseq, WallTime now);

// Blocks with a row for each of their messages that one batch holds.
inline constexpr std::size_t blocks_in_a_batch = 14;

// Each batch is one commit. An error: some may stand, which the intent that was committed before them takes back.
Task<Result<void>> write_whole_blocks(Owner& owner, ShelfId shelf, std::vector<BlockPtr> whole);

}  // namespace posthouse::mailbox
