// Do an account's rows agree with each other? For `posthouse check --audit`.
//
//     head's usage  =  sum of the mailbox rows  =  sum of the entries in the blocks
//     entry of a block  ↔  its e-mail-in row;  entry  →  its e-mail row, of the same size;  e-mail row  →  its content
//
// Rows are read while the owner waits, contents without him: an e-mail never changes.
#include "base/text.h"
#include "mailbox/email_row.h"
#include "mailbox/handle.h"
#include "mailbox/upkeep.h"

#include <unordered_set>

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

constexpr std::size_t most_texts = 1000;

void fault(AuditReport& report, std::string text)
{
    ++report.faults;
    if (report.texts.size() < most_texts)
        report.texts.push_back(std::move(text));
}

// Feeds `each` the rows of a range, page by page.
template <class Each> Task<Result<void>> for_each_row(const Owner& owner, store::Range range, Each* each)
{
    for (;;) {
        const Result<store::Page> page = co_await owner.store().scan(
            owner.partition(), range, owner.store().limits().page_rows, owner.deadline(read_patience));
        if (!page)
            co_return fail(page.error());
        for (const store::Row& row : page->rows)
            (*each)(row);
        if (!page->more || page->rows.empty())
            co_return Result<void>{};
        range.from = page->rows.back().key + '\0';
    }
}

struct Place {
    ShelfId shelf = 0;
    Uid uid = 0;
    std::uint64_t size = 0;
};

class RowAudit final : public RequestFor<AuditReport> {
public:
    using RequestFor::RequestFor;
    Planned plan(Draft&) override { return Planned::alone; }
    Task<void> run(Owner& owner) override { result_ = co_await audit(owner); }

private:
    struct EachBlock;
    struct EachPlace;
    struct EachEmail;
    Task<Result<AuditReport>> audit(Owner& owner);
    void check_mailbox(const State& state, const MailboxRow& row, const Snapshot& counted);

    AuditReport report_;
    std::map<ShelfId, std::vector<BlockPtr>> shelves_;
    std::unordered_map<EmailId, std::vector<Place>> places_;  // by the blocks
    std::unordered_set<ShelfId> being_cleared_;
};

struct RowAudit::EachBlock {
    RowAudit& audit;
    void operator()(const store::Row& row)
    {
        store::KeyReader key(row.key);
        key.u8();
        const ShelfId shelf = key.u64();
        const Uid number = key.u32();
        const Result<BlockPtr> block = read_block(number, row.value);
        if (!block || (*block)->entries.empty())
            return fault(audit.report_, fmt::format("block {} of shelf {} cannot be read", number, id_text(shelf)));
        audit.shelves_[shelf].push_back(*block);
        for (const Entry& entry : (*block)->entries)
            audit.places_[entry.email].push_back({shelf, entry.uid, entry.size});
    }
};

struct RowAudit::EachPlace {
    RowAudit& audit;
    std::uint64_t seen = 0;
    void operator()(const store::Row& row)
    {
        store::KeyReader key(row.key);
        key.u8();
        const EmailId email = key.u64();
        const ShelfId shelf = key.u64();
        const Uid uid = key.u32();
        ++seen;
        const auto places = audit.places_.find(email);
        const bool there = places != audit.places_.end() &&
            std::ranges::any_of(places->second, [&](const Place& p) { return p.shelf == shelf && p.uid == uid; });
        if (!there)
            fault(audit.report_,
                  fmt::format("e-mail {} is said to be at UID {} of shelf {}, and is not", id_text(email), uid,
                              id_text(shelf)));
    }
};

struct RowAudit::EachEmail {
    RowAudit& audit;
    std::unordered_set<EmailId> seen{};
    void operator()(const store::Row& stored)
    {
        store::KeyReader key(stored.key);
        key.u8();
        const EmailId email = key.u64();
        const Result<EmailRow> row = read_email(stored.value);
        ++audit.report_.emails;
        seen.insert(email);
        if (!row)
            return fault(audit.report_, fmt::format("e-mail {} cannot be read", id_text(email)));
        const auto places = audit.places_.find(email);
        if (places == audit.places_.end())
            return;
        for (const Place& place : places->second)
            if (place.size != row->size)
                fault(audit.report_,
                      fmt::format("e-mail {} has {} bytes, and {} at UID {}", id_text(email), row->size, place.size,
                                  place.uid));
    }
};

void RowAudit::check_mailbox(const State& state, const MailboxRow& row, const Snapshot& counted)
{
    const std::string name = printable(state.name_of(row), 200);
    const auto compare = [&](std::string_view what, std::uint64_t said, std::uint64_t is) {
        if (said != is)
            fault(report_, fmt::format("mailbox {} says {} {} and has {}", name, said, what, is));
    };
    compare("messages", row.messages, counted.size());
    compare("unseen", row.unseen, counted.unseen);
    compare("deleted", row.deleted, counted.deleted);
    compare("bytes", row.bytes, counted.total_size);
    if (!counted.blocks.empty() && counted.blocks.back()->entries.back().uid >= row.uid_next)
        fault(report_, fmt::format("mailbox {} holds a UID behind its UIDNEXT", name));
    for (const BlockPtr& block : counted.blocks)
        if (block->highest_modseq > state.head.modseq)
            fault(report_, fmt::format("mailbox {} holds a modseq behind the account's", name));
    if (row.parent != 0 && !state.find(row.parent))
        fault(report_, fmt::format("mailbox {} lies below one that is not there", name));
}

Task<Result<AuditReport>> RowAudit::audit(Owner& owner)
{
    EachBlock each_block{*this};
    Result<void> read = co_await for_each_row(owner, all_of(Table::block), &each_block);
    if (!read)
        co_return fail(read.error());
    const State& state = *owner.state();
    for (const auto& [id, intent] : state.intents)
        being_cleared_.insert(intent.shelf);
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    for (const auto& [node, mailbox] : state.mailboxes()) {
        Snapshot counted;
        const auto shelf = shelves_.extract(mailbox.row.shelf);
        if (!shelf.empty())
            counted.blocks = shelf.mapped();
        counted.count();
        check_mailbox(state, mailbox.row, counted);
        ++report_.mailboxes;
        messages += mailbox.row.messages;
        bytes += mailbox.row.bytes;
    }
    report_.messages = messages;
    for (const auto& [shelf, blocks] : shelves_)
        if (!being_cleared_.contains(shelf))
            fault(report_, fmt::format("shelf {} belongs to no mailbox", id_text(shelf)));
    if (messages != state.head.messages || bytes != state.head.bytes)
        fault(report_,
              fmt::format("the head says {} messages of {} bytes, the mailboxes {} of {}", state.head.messages,
                          state.head.bytes, messages, bytes));

    EachPlace each_place{*this};
    read = co_await for_each_row(owner, all_of(Table::email_in), &each_place);
    if (!read)
        co_return fail(read.error());
    std::uint64_t places = 0;
    for (const auto& [email, list] : places_)
        places += list.size();
    if (each_place.seen != places)
        fault(report_, fmt::format("{} places of e-mails are known, the blocks have {}", each_place.seen, places));

    EachEmail each_email{*this};
    read = co_await for_each_row(owner, all_of(Table::email), &each_email);
    if (!read)
        co_return fail(read.error());
    for (const auto& [email, list] : places_)
        if (!each_email.seen.contains(email))
            fault(report_, fmt::format("e-mail {} at UID {} has no row", id_text(email), list.front().uid));
    co_return std::move(report_);
}

Task<bool> count_bytes(std::uint64_t* bytes, std::string piece)
{
    *bytes += piece.size();
    co_return true;
}

// Every byte of one e-mail. A sweep may have taken it away meanwhile: then its row is gone too.
Task<void> audit_content(const EmailReader& reader, EmailId id, AuditReport* report)
{
    const Result<Email> email = co_await reader.email(id);
    if (!email) {
        if (email.error() != ErrorCode::not_found)
            fault(*report, fmt::format("e-mail {}: {}", id_text(id), email.error().text));
        co_return;
    }
    std::uint64_t bytes = 0;
    store::Sink sink = [&bytes](std::string piece) { return count_bytes(&bytes, std::move(piece)); };
    const Result<void> read = co_await reader.read(*email, 0, email->size, std::move(sink));
    report->bytes += bytes;
    if (email->digest->size() + email->prefix.size() != email->size)
        fault(*report, fmt::format("e-mail {}: its digest is of another size", id_text(id)));
    if (read && bytes == email->size)
        co_return;
    const Result<Email> still = co_await reader.email(id);
    if (still || still.error() != ErrorCode::not_found)
        fault(*report, fmt::format("e-mail {}: {}", id_text(id), read ? "bytes are missing" : read.error().text));
}

struct EachId {
    std::vector<EmailId> ids{};
    void operator()(const store::Row& row)
    {
        store::KeyReader key(row.key);
        key.u8();
        ids.push_back(key.u64());
    }
};

}  // namespace

Task<Result<AuditReport>> audit(std::shared_ptr<Owner> owner, AuditDepth depth)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    auto request = std::make_unique<RowAudit>(caller);
    const auto later = request->answer_later();
    owner->submit(std::move(request));
    Result<AuditReport> report = co_await later.get();
    if (!report || depth == AuditDepth::rows)
        co_return report;
    EachId each;
    const Result<void> listed = co_await for_each_row(*owner, all_of(Table::email), &each);
    if (!listed)
        co_return fail(listed.error());
    const EmailReader reader(owner->account(), owner->services());
    for (const EmailId id : each.ids)
        co_await audit_content(reader, id, &*report);
    co_return report;
}

}  // namespace posthouse::mailbox
