// MULTIAPPEND of more than one batch holds, whole all the same (docs/design.md section 4).
//
//     intent committed, with the ids  →  e-mail rows and bytes, batch by batch  →  full blocks behind the target's
//     UIDNEXT
//                                     →  one last commit: the block that older messages share, the mailbox row,
//                                        the intent gone
//
// A crash before the last commit leaves the intent: opening the account takes the blocks back and releases the e-mails.
#include "mailbox/file_all_request.h"
#include "mailbox/layout.h"
#include "mailbox/owner.h"

namespace posthouse::mailbox {

Task<void> FileAllRequest::run(Owner& owner)
{
    const Result<void> filed = co_await file_in_batches(owner);
    if (!filed) {
        owner.drop_state();  // reading it again undoes what was begun
        // Blobs are let go by who sweeps the e-mails.
        refuse(begun_ ? Error{may_have_landed, filed.error().text} : filed.error());
    }
}

Task<Result<void>> FileAllRequest::file_in_batches(Owner& owner)
{
    const Id id = owner.services().ids.next();
    const NodeId node = target(*owner.state())->row.node;
    Draft begin = owner.draft();
    const Result<std::vector<Entry>> entries = this->entries(begin);
    if (!entries)
        co_return fail(entries.error());
    const MailboxRow target = begin.row(node);
    const WallTime now = begin.now();
    // Every commit raises the modseq by one, and no batch is empty; the messages carry that of the last.
    const ModSeq last_modseq = begin.modseq() + filings_.size() + filings_.size() / block_span + 3;
    const Layout layout = lay_out(target, *entries, last_modseq, now);
    IntentRow intent{.kind = IntentRow::Kind::append, .shelf = target.shelf, .first_uid = target.uid_next};
    for (const PreparedFiling& filing : filings_) {
        intent.emails.push_back(filing.email);
        begin.head.last_id = std::max(begin.head.last_id, filing.email);
    }
    begin.purpose = store::Purpose::intake;
    begin.open_intent(id, intent);
    Result<void> committed = co_await owner.commit(std::move(begin));
    begun_ = committed.has_value();
    if (committed)
        committed = co_await write_emails(owner);
    if (committed)
        committed = co_await write_whole_blocks(owner, target.shelf, layout.whole);
    if (!committed)
        co_return committed;

    Draft end = owner.draft();
    end.purpose = store::Purpose::intake;
    end.head.modseq = last_modseq;
    for (const Entry& entry : layout.shared)
        end.append(node, entry);
    for (const BlockPtr& block : layout.whole)
        end.adopt(node, block);
    end.close_intent(id);
    committed = co_await owner.commit(std::move(end));
    if (committed) {
        answer_with(target, target.uid_next);
        landed(*owner.state());
    }
    co_return committed;
}

Task<Result<void>> FileAllRequest::write_emails(Owner& owner)
{
    std::map<MessageIdHash, ThreadId> threads;
    threads_.clear();
    for (std::size_t at = 0; at < filings_.size();) {
        Draft draft = owner.draft();
        draft.purpose = store::Purpose::intake;
        draft.threads = std::move(threads);
        for (; at < filings_.size() && (!draft.changed() || draft.fits(cost_of_rows(filings_[at]))); ++at)
            threads_.push_back(write_rows(draft, filings_[at], recent_));
        threads = draft.threads;
        const Result<void> committed = co_await owner.commit(std::move(draft));
        if (!committed)
            co_return committed;
    }
    co_return Result<void>{};
}

}  // namespace posthouse::mailbox
