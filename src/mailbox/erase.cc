// Erasing an account: an intent, so that a crash does not leave half of it; then its holds on blobs; then all its rows
// in one batch.
#include "mailbox/email_row.h"
#include "mailbox/handle.h"
#include "mailbox/text_index.h"

namespace posthouse::mailbox {

Task<Result<void>> Owner::erase_everything()
{
    Draft draft = this->draft();
    draft.open_intent(services_.ids.next(), {.kind = IntentRow::Kind::erase});
    Result<void> begun = co_await commit(std::move(draft));
    if (!begun)
        co_return begun;
    erased_ = true;
    Result<void> erased = co_await finish_erasing();
    co_return erased;
}

Task<Result<void>> Owner::finish_erasing()
{
    const std::string head = state_->head_value;
    drop_state();
    store::Range emails = all_of(Table::email);
    for (bool more = true; more;) {
        const Result<store::Page> page = co_await services_.store.scan(
            partition(), emails, services_.store.limits().page_rows, deadline(read_patience));
        if (!page)
            co_return fail(page.error());
        for (const store::Row& stored : page->rows) {
            store::KeyReader key(stored.key);
            key.u8();
            const EmailId id = key.u64();
            const Result<EmailRow> row = read_email(stored.value);
            std::vector<store::BlobId> held;
            for (const store::BlobId blob : {row ? row->blob : 0, row ? row->side_blob : 0})
                if (blob != 0)
                    held.push_back(blob);
            co_await let_go(services_, id, std::move(held));
        }
        more = page->more && !page->rows.empty();
        if (more)
            emails.from = page->rows.back().key + '\0';
    }
    store::Batch batch{.partition = partition(), .id = services_.ids.next(), .purpose = store::Purpose::upkeep};
    batch.checks.push_back({head_key(), head});
    batch.erase_ranges = {{{}, {}, store::Space::rows}, {{}, {}, store::Space::bodies}};
    const store::Outcome outcome =
        co_await store::commit_surely(services_.store, std::move(batch), deadline(commit_patience));
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    Result<void> index = co_await index_->erase();
    co_return index;
}

}  // namespace posthouse::mailbox
