#include "mailbox/layout.h"

#include "mailbox/block.h"

namespace posthouse::mailbox {

Layout lay_out(const MailboxRow& target, std::span<const Entry> entries, ModSeq modseq, WallTime now)
{
    Layout layout;
    std::shared_ptr<Block> block;
    Uid uid = target.uid_next;
    const bool shares = uid % block_span != 0;
    for (Entry entry : entries) {
        entry.uid = uid++;
        entry.modseq = modseq;
        entry.save_date = now;
        if (shares && block_of(entry.uid) == block_of(target.uid_next)) {
            layout.shared.push_back(entry);
            continue;
        }
        if (!block || block->number != block_of(entry.uid)) {
            block = std::make_shared<Block>();
            block->number = block_of(entry.uid);
            block->highest_modseq = modseq;
            layout.whole.push_back(block);
        }
        block->entries.push_back(entry);
    }
    return layout;
}

}  // namespace posthouse::mailbox
