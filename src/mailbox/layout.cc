#include "mailbox/layout.h"

#include "mailbox/block.h"
#include "mailbox/owner.h"

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

Task<Result<void>> write_whole_blocks(Owner& owner, ShelfId shelf, std::vector<BlockPtr> whole)
{
    for (std::size_t at = 0; at < whole.size(); at += blocks_in_a_batch) {
        Draft draft = owner.draft();
        draft.purpose = store::Purpose::intake;
        for (std::size_t i = at; i < std::min(at + blocks_in_a_batch, whole.size()); ++i) {
            draft.put(block_key(shelf, whole[i]->number), write_block(*whole[i]));
            for (const Entry& entry : whole[i]->entries)
                draft.put(email_in_key(entry.email, shelf, entry.uid), write_mark());
        }
        const Result<void> committed = co_await owner.commit(std::move(draft));
        if (!committed)
            co_return committed;
    }
    co_return Result<void>{};
}

}  // namespace posthouse::mailbox
