// COPY of more than one batch holds, whole all the same (docs/design.md section 4).
//
//     intent committed  →  full blocks written behind the target's UIDNEXT, where nobody looks, batch by batch
//                       →  one last commit: the block that older messages share, the mailbox row, the intent gone
//
// A crash before the last commit leaves the intent, and opening the account takes the blocks back.
#include "mailbox/change_requests.h"
#include "mailbox/layout.h"
#include "mailbox/owner.h"

namespace posthouse::mailbox {

Task<void> CopyRequest::run(Owner& owner)
{
    // Nothing has changed since plan(): who runs alone runs at once.
    const auto way = this->way(*owner.state());
    std::vector<Entry> entries = this->entries(owner.draft(), way->from);
    const Result<void> copied = co_await copy_in_batches(owner, *way, std::move(entries));
    if (!copied) {
        owner.drop_state();  // reading it again undoes what was begun
        refuse(copied.error());
    }
}

Task<Result<void>> CopyRequest::copy_in_batches(Owner& owner, Way way, std::vector<Entry> entries)
{
    const Id id = owner.services().ids.next();
    Draft begin = owner.draft();
    const MailboxRow target = begin.row(way.to);
    const WallTime now = begin.now();
    // Every commit raises the modseq by one; the copies carry that of the last.
    const std::size_t batches = (entries.size() / block_span + 1) / blocks_in_a_batch + 1;
    const ModSeq last_modseq = begin.modseq() + batches + 1;
    const Layout layout = lay_out(target, entries, last_modseq, now);
    begin.purpose = store::Purpose::intake;
    begin.open_intent(id, {.kind = IntentRow::Kind::copy, .shelf = target.shelf, .first_uid = target.uid_next});
    Result<void> committed = co_await owner.commit(std::move(begin));

    if (committed)
        committed = co_await write_whole_blocks(owner, target.shelf, layout.whole);
    if (!committed)
        co_return committed;

    Draft end = owner.draft();
    end.purpose = store::Purpose::intake;
    end.head.modseq = last_modseq;
    Pairs pairs;
    for (const Entry& entry : entries)
        pairs.from.push_back(entry.uid);
    for (const Entry& entry : layout.shared)
        end.append(way.to, entry);
    for (const BlockPtr& block : layout.whole)
        end.adopt(way.to, block);
    end.close_intent(id);
    for (Uid uid = target.uid_next; uid != end.row(way.to).uid_next; ++uid)
        pairs.to.push_back(uid);
    committed = co_await owner.commit(std::move(end));
    if (committed) {
        result_ = pairs.answer(target.uid_validity);
        landed(*owner.state());
    }
    co_return committed;
}

}  // namespace posthouse::mailbox
