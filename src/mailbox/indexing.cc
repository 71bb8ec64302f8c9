// Filling and merging one account's full-text index, in turns, on the account's own loop.
#include "mailbox/index_rows.h"
#include "mailbox/indexed_texts.h"
#include "mailbox/text_index.h"
#include "search/merge.h"

#include <algorithm>
#include <limits>

namespace posthouse::mailbox {

namespace {

constexpr Duration turn = 2ms;
// Who searched is answered first, by reading what the index does not know: both at once took him several times as long.
constexpr Duration head_start = 1s;
constexpr Duration nap = 20ms;  // between two looks whether we are to end
constexpr std::size_t rows_at_once = 64;  // e-mail rows that are read together
constexpr std::size_t batch_bytes = 512 * 1024;
// Segments are merged when so many are of one size, four times that of the size below.
constexpr std::size_t segments_of_a_size = 4;

unsigned size_class(std::size_t documents)
{
    unsigned size = 0;
    for (std::size_t limit = 256; documents > limit; limit *= 4)
        ++size;
    return size;
}

}  // namespace

Task<Result<void>> TextIndex::give_turn()
{
    if (activity_->stopping())
        co_return fail(ErrorCode::cancelled, "the mailboxes are being closed");
    const SteadyTime now = services_.clock.steady();
    if (now - turn_began_ < turn)
        co_return Result<void>{};
    co_await sleep_for(0us);
    turn_began_ = services_.clock.steady();
    co_return Result<void>{};
}

void TextIndex::catch_up_later(std::vector<EmailId> emails)
{
    if (busy_ || waiting_ || services_.store.health() == store::Health::low_space || !activity_->begin())
        return;
    waiting_ = true;
    asio::co_spawn(loop_.executor(), catch_up_alone(shared_from_this(), std::move(emails)), [](std::exception_ptr) { });
}

Task<void> TextIndex::catch_up_alone(std::shared_ptr<TextIndex> self, std::vector<EmailId> emails)
{
    for (Duration slept{}; slept < head_start && !self->activity_->stopping(); slept += nap)
        co_await sleep_for(nap);
    self->waiting_ = false;
    std::string why;
    try {
        const Result<State> indexed =
            co_await self->catch_up(std::move(emails), std::numeric_limits<std::size_t>::max());
        if (!indexed && indexed.error() != ErrorCode::cancelled)
            why = indexed.error().text;
    } catch (const std::exception& bug) {
        why = bug.what();
    }
    if (!why.empty())
        self->services_.log.write(LogLevel::warning, "mailbox", self->account_, "the index could not catch up",
                                  {{"why", why}});
    self->activity_->end();
}

Task<Result<TextIndex::State>> TextIndex::catch_up(std::vector<EmailId> emails, std::size_t most)
{
    const Result<CataloguePtr> catalogue = co_await load();
    if (!catalogue)
        co_return fail(catalogue.error());
    std::ranges::sort(emails);
    emails.erase(std::ranges::unique(emails).begin(), emails.end());
    State state{.asked = emails.size()};
    std::erase_if(emails, [&catalogue](EmailId email) { return (*catalogue)->knows(email); });
    state.known = state.asked - emails.size();
    if (emails.empty() || busy_.exchange(true))
        co_return state;
    if (emails.size() > most)
        emails.resize(most);
    Result<std::uint64_t> indexed = fail(ErrorCode::internal, "a bug in the index");
    std::exception_ptr bug;
    try {
        indexed = co_await index(std::move(emails));
    } catch (...) {
        bug = std::current_exception();
    }
    busy_ = false;
    if (bug)
        std::rethrow_exception(bug);
    if (!indexed)
        co_return fail(indexed.error());
    state.known += *indexed;
    co_return state;
}

// Answers how many it took; those that are gone count too.
Task<Result<std::uint64_t>> TextIndex::index(std::vector<EmailId> emails)
{
    const Result<CataloguePtr> catalogue = co_await load();
    if (!catalogue)
        co_return fail(catalogue.error());
    const Result<void> swept = co_await sweep_unlisted(*catalogue);
    if (!swept)
        co_return fail(swept.error());
    const EmailReader reader(account_, services_);
    search::SegmentBuilder builder;
    turn_began_ = services_.clock.steady();
    for (std::size_t at = 0; at < emails.size();) {
        const std::size_t end = std::min(at + rows_at_once, emails.size());
        const auto first = emails.begin() + static_cast<std::ptrdiff_t>(at);
        std::vector<EmailId> some(first, first + static_cast<std::ptrdiff_t>(end - at));
        Result<std::vector<Result<Email>>> rows = co_await reader.emails(std::move(some));
        if (!rows)
            co_return fail(rows.error());
        for (std::size_t i = 0; i < rows->size(); ++i) {
            Result<Email>& row = (*rows)[i];
            Result<std::vector<search::FieldText>> texts = fail(ErrorCode::corrupt);
            if (row)
                texts = co_await indexed_texts(&reader, *std::move(row));
            if (texts)
                builder.add(emails[at + i], *texts);
            else
                builder.add_opaque(emails[at + i]);  // who searches finds out what is wrong with it
            const Result<void> on = co_await give_turn();
            if (!on)
                co_return fail(on.error());
        }
        at = end;
        if (!builder.full() && at < emails.size())
            continue;
        if (builder.size() == 0)
            continue;
        search::PackedSegment packed = builder.finish();
        const std::uint64_t chunks = packed.chunks.size();
        const Result<Id> written = co_await write_segment(std::move(packed));
        if (!written)
            co_return fail(written.error());
        const Result<void> listed = co_await list(std::pair(*written, chunks), {});
        if (!listed)
            co_return fail(listed.error());
        const Result<void> merged = co_await merge_where_due();
        if (!merged)
            co_return fail(merged.error());
    }
    co_return emails.size();
}

// Rows of segments that a crash kept from being listed.
Task<Result<void>> TextIndex::sweep_unlisted(CataloguePtr catalogue)
{
    const Result<std::vector<store::Row>> rows =
        co_await scan_all(services_.store, services_.clock, index_partition(account_), all_segment_emails());
    if (!rows)
        co_return fail(rows.error());
    store::Batch batch;
    Id last = 0;
    for (const store::Row& row : *rows) {
        store::KeyReader key(row.key);
        key.u8();
        const Id segment = key.u64();
        if (std::exchange(last, segment) == segment ||
            std::ranges::any_of(catalogue->segments, [segment](const auto& one) { return one->id == segment; }))
            continue;
        for (const store::Range& range :
             {emails_of_segment(segment), terms_of_segment(segment), postings_of_segment(segment)})
            batch.erase_ranges.push_back({range.from, range.until});
    }
    co_return batch.erase_ranges.empty() ? Result<void>{} : co_await commit(std::move(batch));
}

Task<Result<Id>> TextIndex::write_segment(search::PackedSegment segment)
{
    const Id id = services_.ids.next();
    const Result<void> emails = co_await write_emails(id, std::move(segment.emails), std::move(segment.opaque));
    if (!emails)
        co_return fail(emails.error());
    const Result<void> chunks = co_await write_chunks(id, 0, std::move(segment.chunks));
    if (!chunks)
        co_return fail(chunks.error());
    co_return id;
}

Task<Result<void>> TextIndex::write_emails(Id segment, std::vector<Id> emails, std::vector<search::Document> opaque)
{
    store::Batch batch;
    for (std::size_t part = 0; part * emails_a_part < emails.size(); ++part) {
        const std::size_t first = part * emails_a_part;
        const std::size_t end = std::min(first + emails_a_part, emails.size());
        SegmentEmails row;
        for (std::size_t i = first; i < end; ++i)
            row.emails.push_back(emails[i]);
        for (const search::Document document : opaque)
            if (document >= first && document < end)
                row.opaque.push_back(document - static_cast<search::Document>(first));
        batch.puts.push_back({emails_key(segment, part), write_segment_emails(row)});
    }
    co_return co_await commit(std::move(batch));
}

Task<Result<void>> TextIndex::write_chunks(Id segment, std::size_t first, std::vector<search::PackedChunk> chunks)
{
    store::Batch batch;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        batch.puts.push_back({terms_key(segment, first + i), std::move(chunks[i].terms)});
        batch.puts.push_back({postings_key(segment, first + i), std::move(chunks[i].postings)});
        if (batch.bytes() < batch_bytes && i + 1 < chunks.size())
            continue;
        const Result<void> committed = co_await commit(std::exchange(batch, {}));
        if (!committed)
            co_return committed;
        const Result<void> on = co_await give_turn();
        if (!on)
            co_return on;
    }
    co_return Result<void>{};
}

Task<Result<void>> TextIndex::list(std::optional<std::pair<Id, std::uint64_t>> added, std::vector<Id> removed)
{
    const Result<CataloguePtr> before = co_await load();
    if (!before)
        co_return fail(before.error());
    Catalogue after;
    std::vector<ListedSegment> listed;
    for (const SegmentPtr& segment : (*before)->segments) {
        if (std::ranges::find(removed, segment->id) != removed.end())
            continue;
        after.segments.push_back(segment);
        listed.push_back({segment->id, segment->chunks.size()});
    }
    if (added) {
        Result<SegmentPtr> segment = co_await read_segment(added->first, added->second);
        if (!segment)
            co_return fail(segment.error());
        after.segments.push_back(*std::move(segment));
        listed.push_back({added->first, added->second});
    }
    after.value = write_catalogue(listed);
    store::Batch batch;
    batch.checks.push_back(
        {catalogue_key(), (*before)->value.empty() ? std::nullopt : std::optional((*before)->value)});
    batch.puts.push_back({catalogue_key(), after.value});
    for (const Id segment : removed)
        for (const store::Range& range :
             {emails_of_segment(segment), terms_of_segment(segment), postings_of_segment(segment)})
            batch.erase_ranges.push_back({range.from, range.until});
    const Result<void> committed = co_await commit(std::move(batch));
    if (committed)
        publish(std::make_shared<const Catalogue>(std::move(after)));
    else
        publish(nullptr);
    co_return committed;
}

Task<Result<void>> TextIndex::merge_where_due()
{
    for (;;) {
        const Result<CataloguePtr> catalogue = co_await load();
        if (!catalogue)
            co_return fail(catalogue.error());
        std::map<unsigned, std::vector<SegmentPtr>> by_size;
        for (const SegmentPtr& segment : (*catalogue)->segments)
            by_size[size_class(segment->emails.size())].push_back(segment);
        std::vector<SegmentPtr> chosen;
        for (const auto& [size, segments] : by_size) {
            if (segments.size() < segments_of_a_size)
                continue;
            std::size_t documents = 0;
            for (const SegmentPtr& segment : segments) {
                documents += segment->emails.size();
                if (documents <= search::most_documents)
                    chosen.push_back(segment);
            }
            break;
        }
        if (chosen.size() < 2)
            co_return Result<void>{};
        const Result<void> merged = co_await merge(std::move(chosen));
        if (!merged)
            co_return merged;
    }
}

Task<Result<void>> TextIndex::merge(std::vector<SegmentPtr> segments)
{
    search::Merge::IsGone gone;
    std::vector<Id> removed;
    for (const SegmentPtr& segment : segments) {
        Result<std::vector<bool>> of_segment = co_await this->gone(segment);
        if (!of_segment)
            co_return fail(of_segment.error());
        gone.push_back(*std::move(of_segment));
        removed.push_back(segment->id);
    }
    search::Merge merge(segments, gone);
    if (merge.emails().empty())
        co_return co_await list(std::nullopt, std::move(removed));
    const Id id = services_.ids.next();
    const Result<void> emails = co_await write_emails(id, merge.emails(), merge.opaque());
    if (!emails)
        co_return emails;
    std::size_t chunks = 0;
    for (bool last = false; !last;) {
        const auto wanted = merge.wants();
        last = !wanted;
        if (wanted) {
            Result<std::string> read = co_await postings(segments[wanted->segment]->id, wanted->chunk);
            if (!read)
                co_return fail(read.error());
            merge.feed(*wanted, *std::move(read));
        }
        std::vector<search::PackedChunk> ready = last ? merge.finish() : merge.ready();
        const std::size_t count = ready.size();
        const Result<void> written = co_await write_chunks(id, chunks, std::move(ready));
        if (!written)
            co_return written;
        chunks += count;
        const Result<void> on = co_await give_turn();
        if (!on)
            co_return on;
    }
    co_return co_await list(std::pair(id, std::uint64_t{chunks}), std::move(removed));
}

// Which of a segment's e-mails are in no mailbox any more.
Task<Result<std::vector<bool>>> TextIndex::gone(SegmentPtr segment)
{
    std::vector<bool> gone(segment->emails.size(), true);
    store::Range range{email_in_of(segment->by_email.front().first).from,
                       email_in_of(segment->by_email.back().first).until};
    auto at = segment->by_email.begin();
    for (bool more = true; more;) {
        const Result<store::Page> page = co_await services_.store.scan(partition_of(account_), range,
                                                                       services_.store.limits().page_rows, deadline());
        if (!page)
            co_return fail(page.error());
        for (const store::Row& row : page->rows) {
            store::KeyReader key(row.key);
            key.u8();
            const EmailId email = key.u64();
            while (at != segment->by_email.end() && at->first < email)
                ++at;
            if (at != segment->by_email.end() && at->first == email)
                gone[at->second] = false;
        }
        more = page->more && !page->rows.empty();
        if (more)
            range.from = page->rows.back().key + '\0';
        const Result<void> on = co_await give_turn();
        if (!on)
            co_return fail(on.error());
    }
    co_return gone;
}

}  // namespace posthouse::mailbox
