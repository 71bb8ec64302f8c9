// Reading an account and its mailboxes into memory, and settling what a crash left half done.
#include "mailbox/clear_request.h"
#include "mailbox/owner.h"
#include "mailbox/tree_requests.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

// Blocks whose entries' rows fit into one batch beside them.
constexpr std::size_t blocks_a_batch = 14;

// The tables that are read when an account is opened.
store::Range small_tables() { return {head_key(), key_of(static_cast<Table>(7)).key()}; }

bool is_erase(const std::pair<const Id, IntentRow>& intent) { return intent.second.kind == IntentRow::Kind::erase; }

Uid number_in(const store::Key& block_key)
{
    store::KeyReader key(block_key);
    key.u8();
    key.u64();
    return key.u32();
}

}  // namespace

Task<Result<std::vector<store::Row>>> scan_all(store::Store& store, const Clock& clock, store::Partition partition,
                                               store::Range range, std::size_t most)
{
    std::vector<store::Row> rows;
    for (;;) {
        Result<store::Page> page =
            co_await store.scan(partition, range, store.limits().page_rows, Deadline::in(clock, read_patience));
        if (!page)
            co_return fail(page.error());
        std::ranges::move(page->rows, std::back_inserter(rows));
        if (!page->more || rows.empty() || rows.size() >= most)
            co_return rows;
        range.from = rows.back().key + '\0';
    }
}

Task<Result<void>> Owner::load()
{
    if (erased_)
        co_return fail(ErrorCode::not_found, "the account has been erased");
    for (int attempt = 0; attempt < 3; ++attempt) {
        auto state = std::make_unique<State>();
        const Result<void> read = co_await read_rows(*state);
        if (!read)
            co_return read;
        state_ = std::move(state);
        recent_.forget(++moment_);
        services_.ids.rise_above(state_->head.last_id);
        if (std::ranges::any_of(state_->intents, is_erase)) {
            const Result<void> erased = co_await finish_erasing();
            if (!erased)
                co_return erased;
            continue;
        }
        if (state_->head_value.empty()) {
            if (services_.store.health() == store::Health::low_space) {
                drop_state();
                co_return fail(ErrorCode::no_space, "the disk is nearly full");
            }
            Draft draft = this->draft();
            found_account(draft, services_.ids);
            Error error;
            const Landing landing = co_await try_commit(std::move(draft), error);
            if (landing == Landing::refused) {
                drop_state();
                co_return fail(std::move(error));
            }
            if (landing == Landing::lost) {
                drop_state();
                continue;  // somebody else has founded it
            }
        }
        Result<void> settled = co_await settle_intents();
        if (!settled)
            drop_state();
        else
            published_.publish(*state_);
        co_return settled;
    }
    co_return fail(ErrorCode::unavailable, "the account changes while it is read");
}

Task<Result<void>> Owner::read_rows(State& state)
{
    const Result<std::vector<store::Row>> rows =
        co_await scan_all(services_.store, services_.clock, partition(), small_tables());
    if (!rows)
        co_return fail(rows.error());
    for (const store::Row& row : *rows) {
        if (row.key == head_key()) {
            const Result<HeadRow> head = read_head(row.value);
            if (!head)
                co_return fail(head.error());
            state.head = *head;
            state.head_value = row.value;
        } else if (row.key == keywords_key()) {
            Result<KeywordTable> keywords = read_keywords(row.value);
            if (!keywords)
                co_return fail(keywords.error());
            state.keywords = std::make_shared<const KeywordTable>(*std::move(keywords));
        } else {
            take_row(state, row);
        }
    }
    if (state.head_value.empty() && !rows->empty())
        co_return fail(ErrorCode::corrupt, "an account without its head row");
    co_return Result<void>{};
}

// Damage stays with the row that has it: the others are read, and what cannot be read is never written over.
void Owner::take_row(State& state, const store::Row& row)
{
    store::KeyReader key(row.key);
    switch (static_cast<Table>(key.u8())) {
    case Table::subscribed: state.subscribed.insert(key.text()); break;
    case Table::mailbox: {
        Result<MailboxRow> mailbox = read_mailbox(key.u64(), row.value);
        if (mailbox)
            state.put(*std::move(mailbox));
        else
            note_damage("a mailbox", mailbox.error());
        break;
    }
    case Table::intent: {
        const Result<IntentRow> intent = read_intent(row.value);
        if (intent)
            state.intents[key.u64()] = *intent;
        else
            note_damage("an intent", intent.error());
        break;
    }
    case Table::acl: {
        Result<Acl> acl = read_acl(row.value);
        if (acl)
            state.acls[key.u64()] = std::make_shared<const Acl>(*std::move(acl));
        else
            note_damage("an access control list", acl.error());
        break;
    }
    default: break;
    }
}

void Owner::note_damage(std::string_view what, const Error& error)
{
    services_.log.write(LogLevel::alarm, "mailbox", account_, "damage in the store",
                        {{"at", std::string(what)}, {"why", error.text}});
}

Task<Result<void>> Owner::load_mailbox(Need need)
{
    if (need.depth == Depth::tail)
        co_return co_await load_tail(need.node);
    const MailboxRow row = state_->find(need.node)->row;
    Result<std::vector<BlockPtr>> blocks = co_await read_blocks(row);
    if (!blocks)
        co_return fail(blocks.error());
    MailboxState& mailbox = *state_->find(need.node);
    mailbox.shelf = std::make_shared<Shelf>(row, state_->keywords, *std::move(blocks), services_.clock);
    if (const std::uint32_t there = mailbox.shelf->current()->size(); there != row.messages) {
        note_damage(fmt::format("mailbox {} has {} messages of {}", id_text(row.mailbox), there, row.messages), {});
        const Result<void> tail = co_await load_tail(need.node);  // steps over it, if it is that one
        if (!tail)
            co_return tail;
    }
    published_.show(row.mailbox, state_->find(need.node)->shelf);
    co_return Result<void>{};
}

Task<Result<void>> Owner::load_tail(NodeId node)
{
    const MailboxRow row = state_->find(node)->row;
    const Uid number = block_of(row.uid_next);
    Result<BlockPtr> tail = co_await read_one_block(row, number);
    if (!tail && tail.error() != ErrorCode::corrupt)
        co_return fail(tail.error());
    MailboxState& mailbox = *state_->find(node);
    if (!tail)
        step_over(node, number);
    mailbox.tail = tail.value_or(nullptr);
    mailbox.tail_known = true;
    co_return Result<void>{};
}

// New messages go behind a block that cannot be read: its bytes stay as they are.
void Owner::step_over(NodeId node, Uid damaged_block)
{
    MailboxRow& row = state_->find(node)->row;
    row.uid_next = std::max(row.uid_next, (damaged_block + 1) * block_span);
}

// Null: there is none.
Task<Result<BlockPtr>> Owner::read_one_block(MailboxRow row, Uid number)
{
    const Result<std::optional<store::Value>> value =
        co_await services_.store.get(partition(), block_key(row.shelf, number), deadline(read_patience));
    Result<BlockPtr> block = nullptr;
    if (!value)
        block = fail(value.error());
    else if (*value)
        block = read_block(number, **value);
    if (!block && block.error() == ErrorCode::corrupt)
        note_damage(fmt::format("mailbox {} block {}", id_text(row.mailbox), number), block.error());
    co_return block;
}

Task<Result<std::vector<BlockPtr>>> Owner::read_blocks(MailboxRow row)
{
    std::vector<BlockPtr> blocks;
    blocks.reserve(row.messages / block_span + 1);
    store::Range range = blocks_of(row.shelf);
    bool more = row.messages > 0;
    while (more) {
        const Result<store::Page> page = co_await services_.store.scan(
            partition(), range, services_.store.limits().page_rows, deadline(read_patience));
        if (!page && page.error() == ErrorCode::corrupt)
            break;
        if (!page)
            co_return fail(page.error());
        for (const store::Row& stored : page->rows) {
            Result<BlockPtr> block = read_block(number_in(stored.key), stored.value);
            if (block && !(*block)->entries.empty())
                blocks.push_back(*std::move(block));
            else if (!block)
                note_damage(fmt::format("mailbox {} block {}", id_text(row.mailbox), number_in(stored.key)),
                            block.error());
        }
        more = page->more && !page->rows.empty();
        if (more)
            range.from = page->rows.back().key + '\0';
    }
    // A page that could not be read: from there on row by row, so that only what is damaged is missing.
    for (Uid number = number_in(range.from); more && number <= block_of(row.uid_next); ++number) {
        Result<BlockPtr> block = co_await read_one_block(row, number);
        if (!block && block.error() != ErrorCode::corrupt)
            co_return fail(block.error());
        if (block && *block && !(*block)->entries.empty() && (blocks.empty() || blocks.back()->number < number))
            blocks.push_back(*std::move(block));
    }
    co_return blocks;
}

// Half a COPY or MULTIAPPEND is never seen: what it had written is taken back.
Task<Result<void>> Owner::settle_intents()
{
    const std::map<Id, IntentRow> intents = state_->intents;
    for (const auto& [id, intent] : intents) {
        if (intent.kind != IntentRow::Kind::copy && intent.kind != IntentRow::Kind::append)
            continue;
        const Result<void> undone = co_await undo_copy(id, intent);
        if (!undone)
            co_return undone;
    }
    co_return Result<void>{};
}

Task<Result<void>> Owner::undo_copy(Id id, IntentRow intent)
{
    for (;;) {
        // The block that the first UID shares with older messages was not written before the end.
        const Uid from = (intent.first_uid + block_span - 1) / block_span;
        const Result<store::Page> page = co_await services_.store.scan(partition(), blocks_of(intent.shelf, from),
                                                                       blocks_a_batch, deadline(read_patience));
        if (!page)
            co_return fail(page.error());
        Draft draft = this->draft();
        for (const store::Row& row : page->rows) {
            const Result<BlockPtr> block = read_block(number_in(row.key), row.value);
            if (!block)
                co_return fail(block.error());
            for (const Entry& entry : (*block)->entries)
                draft.erase(email_in_key(entry.email, intent.shelf, entry.uid));
            draft.erase(row.key);
        }
        const bool last = page->rows.size() < blocks_a_batch;
        if (last)
            draft.close_intent(id);
        // What an e-mail had got of rows, bytes and blobs is swept with those that were expunged.
        if (last && !intent.emails.empty())
            draft.put(release_key(draft.now(), draft.modseq(), 1), write_release(intent.emails));
        Result<void> committed = co_await commit(std::move(draft));
        if (!committed || last)
            co_return committed;
    }
}

void ClearRequest::refuse(Error error)
{
    RequestFor::refuse(std::move(error));
    ended_(false);
}

Task<void> ClearRequest::run(Owner& owner)
{
    const auto intent = owner.state()->intents.find(intent_);
    if (intent == owner.state()->intents.end()) {
        ended_(true);
        co_return;
    }
    const ShelfId shelf = intent->second.shelf;
    const MailboxId mailbox = intent->second.mailbox;
    const Result<store::Page> page =
        co_await owner.store().scan(owner.partition(), blocks_of(shelf), blocks_a_batch, owner.deadline(read_patience));
    bool done = false;
    if (page) {
        Draft draft = owner.draft();
        std::vector<EmailId> released;
        for (const store::Row& row : page->rows) {
            const Result<BlockPtr> block = read_block(number_in(row.key), row.value);
            if (!block)
                continue;  // its bytes are kept; the audit tells
            for (const Entry& entry : (*block)->entries) {
                draft.erase(email_in_key(entry.email, shelf, entry.uid));
                released.push_back(entry.email);
            }
            draft.erase(row.key);
        }
        if (!released.empty())
            draft.put(release_key(draft.now(), draft.modseq(), 1), write_release(released));
        if (released.empty()) {
            draft.erase_range(vanished_of(mailbox));
            draft.close_intent(intent_);
        }
        const Result<void> committed = co_await owner.commit(std::move(draft));
        done = committed.has_value();
    }
    ended_(done);
}

}  // namespace posthouse::mailbox
