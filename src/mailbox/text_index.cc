#include "mailbox/text_index.h"

#include "mailbox/index_rows.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

// So many unknown messages are read by each search; more are indexed in the background.
constexpr std::size_t worth_indexing = 32;
// A segment's rows may be merged away while somebody reads them: then he reads the new ones.
constexpr int most_attempts = 3;

search::Fields fields_of(TextQuery::In in)
{
    using search::Field;
    using search::Fields;
    switch (in) {
    case TextQuery::In::body: return Field::body;
    case TextQuery::In::header: return Field::header;
    case TextQuery::In::subject: return Field::subject;
    case TextQuery::In::from: return Field::from;
    case TextQuery::In::to: return Field::to;
    case TextQuery::In::cc: return Field::cc;
    case TextQuery::In::bcc: return Field::bcc;
    case TextQuery::In::text: break;
    }
    return Fields(Field::body) | Field::header;
}

search::Needles needles_of(const TextQuery& query)
{
    using How = TextQuery::How;
    if (query.how == How::part)
        return search::needles_of(query.folded);
    return search::words_of(query.folded,
                            query.how == How::whole_words ? search::Words::whole : search::Words::beginnings);
}

const Error damaged{ErrorCode::corrupt, "the index does not fit together"};

}  // namespace

Deadline TextIndex::deadline() const { return Deadline::in(services_.clock, read_patience); }

bool TextIndex::Catalogue::knows(EmailId email) const
{
    return std::ranges::any_of(segments, [email](const SegmentPtr& segment) {
        const auto at = std::ranges::lower_bound(segment->by_email, std::pair(email, search::Document{0}));
        return at != segment->by_email.end() && at->first == email;
    });
}

// ---- one search

class TextIndex::Lookup {
public:
    Lookup(TextIndex& index, CataloguePtr catalogue) : index_(index), catalogue_(std::move(catalogue)) { }

    // In order of the snapshot; nullopt: not indexed. Neighbours in a mailbox are mostly neighbours in a segment.
    std::vector<std::optional<Place>> places(const Snapshot& snapshot) const
    {
        std::vector<std::optional<Place>> places;
        places.reserve(snapshot.size());
        std::vector<std::size_t> next(catalogue_->segments.size(), 0);
        std::uint32_t likely = 0;
        for (const auto& block : snapshot.blocks)
            for (const Entry& entry : block->entries)
                places.push_back(find(entry.email, next, likely));
        return places;
    }

    // Who holds a query's text in each segment.
    Task<Result<std::vector<search::Documents>>> holders(TextQuery query)
    {
        const search::Needles needles = needles_of(query);
        const search::Fields fields = fields_of(query.in);
        std::vector<search::Documents> found;
        for (std::size_t i = 0; i < catalogue_->segments.size(); ++i) {
            std::optional<search::Documents> of_all;
            for (const search::Needle& needle : needles.all) {
                Result<search::Documents> holding = co_await this->holding(i, needle, fields);
                if (!holding)
                    co_return fail(holding.error());
                if (of_all)
                    of_all->keep_those_in(*holding);
                else
                    of_all = *std::move(holding);
            }
            found.push_back(of_all ? *std::move(of_all) : search::Documents(0));
        }
        co_return found;
    }

private:
    std::optional<Place> find(EmailId email, std::vector<std::size_t>& next, std::uint32_t& likely) const
    {
        for (std::uint32_t tried = 0; tried < catalogue_->segments.size(); ++tried) {
            const auto i = static_cast<std::uint32_t>((likely + tried) % catalogue_->segments.size());
            const auto& by_email = catalogue_->segments[i]->by_email;
            std::size_t at = next[i];
            if (at >= by_email.size() || by_email[at].first != email) {
                const auto found = std::ranges::lower_bound(by_email, std::pair(email, search::Document{0}));
                at = static_cast<std::size_t>(found - by_email.begin());
            }
            if (at < by_email.size() && by_email[at].first == email) {
                likely = i;
                next[i] = at + 1;
                return Place{i, by_email[at].second};
            }
        }
        return std::nullopt;
    }

    Task<Result<search::Documents>> holding(std::size_t segment_index, search::Needle needle, search::Fields fields)
    {
        const search::Segment& segment = *catalogue_->segments[segment_index];
        search::Documents holding(segment.emails.size());
        for (std::size_t i = 0; i < segment.chunks.size(); ++i) {
            std::vector<std::size_t> terms;
            segment.chunks[i].find(needle, fields, [&terms](std::size_t term) { terms.push_back(term); });
            if (terms.empty())
                continue;
            std::string& packed = postings_[{segment_index, i}];
            if (packed.empty()) {
                Result<std::string> read = co_await index_.postings(segment.id, i);
                if (!read)
                    co_return fail(read.error());
                packed = *std::move(read);
            }
            for (const std::size_t term : terms)
                search::unpack(segment.chunks[i].postings(term, packed), holding);
            const SteadyTime now = index_.services_.clock.steady();
            if (now - began_ > 5ms) {
                co_await sleep_for(0us);
                began_ = index_.services_.clock.steady();
            }
        }
        co_return holding;
    }

    TextIndex& index_;
    const CataloguePtr catalogue_;
    std::map<std::pair<std::size_t, std::size_t>, std::string> postings_;
    SteadyTime began_ = index_.services_.clock.steady();
};

Task<Result<std::vector<TextAnswer>>> TextIndex::look_up(SnapshotPtr snapshot, std::vector<TextQuery> queries)
{
    Error error = damaged;
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        const Result<CataloguePtr> catalogue = co_await load();
        if (!catalogue)
            co_return fail(catalogue.error());
        Lookup lookup(*this, *catalogue);
        const std::vector<std::optional<Place>> places = lookup.places(*snapshot);
        std::vector<TextAnswer> answers;
        bool again = false;
        for (const TextQuery& query : queries) {
            TextAnswer answer(snapshot->size(), TextHint::unread);
            const search::Needles needles = needles_of(query);
            if (!needles.all.empty()) {
                const Result<std::vector<search::Documents>> holders = co_await lookup.holders(query);
                if (!holders) {
                    error = holders.error();
                    again = true;
                    break;
                }
                const TextHint hit = needles.exact ? TextHint::yes : TextHint::unread;
                for (std::size_t i = 0; i < places.size(); ++i)
                    if (places[i])
                        answer[i] = (*holders)[places[i]->segment].has(places[i]->document) ? hit : TextHint::no;
                for (std::size_t i = 0; i < places.size(); ++i)
                    if (places[i] &&
                        std::ranges::binary_search((*catalogue)->segments[places[i]->segment]->opaque,
                                                   places[i]->document))
                        answer[i] = TextHint::unread;
            }
            answers.push_back(std::move(answer));
        }
        if (again) {
            publish(nullptr);
            continue;
        }
        std::vector<EmailId> unknown;
        std::uint32_t position = 0;
        for (const auto& block : snapshot->blocks)
            for (const Entry& entry : block->entries)
                if (!places[position++])
                    unknown.push_back(entry.email);
        if (unknown.size() >= worth_indexing)
            catch_up_later(std::move(unknown));
        co_return answers;
    }
    // What cannot be read is made again: the messages are all there.
    const Result<void> erased = co_await erase();
    co_return fail(erased ? error : erased.error());
}

// ---- in memory

void TextIndex::publish(CataloguePtr catalogue)
{
    const std::scoped_lock lock(mutex_);
    catalogue_ = std::move(catalogue);
    used_ = services_.clock.steady();
}

void TextIndex::forget(SteadyTime time)
{
    const std::scoped_lock lock(mutex_);
    if (used_ <= time && !busy_)
        catalogue_ = nullptr;
}

Task<Result<TextIndex::CataloguePtr>> TextIndex::load()
{
    {
        const std::scoped_lock lock(mutex_);
        used_ = services_.clock.steady();
        if (catalogue_)
            co_return catalogue_;
    }
    Result<Catalogue> read = co_await this->read();
    if (!read && read.error() == ErrorCode::corrupt) {
        services_.log.write(LogLevel::warning, "mailbox", account_, "the index is made anew",
                            {{"why", read.error().text}});
        const Result<void> erased = co_await erase();
        if (!erased)
            co_return fail(erased.error());
        read = Catalogue{};
    }
    if (!read)
        co_return fail(read.error());
    auto catalogue = std::make_shared<const Catalogue>(*std::move(read));
    publish(catalogue);
    co_return catalogue;
}

Task<Result<TextIndex::Catalogue>> TextIndex::read()
{
    const Result<std::optional<store::Value>> value =
        co_await services_.store.get(index_partition(account_), catalogue_key(), deadline());
    if (!value)
        co_return fail(value.error());
    Catalogue catalogue;
    if (!*value)
        co_return catalogue;
    catalogue.value = **value;
    const Result<std::vector<ListedSegment>> listed = read_catalogue(catalogue.value);
    if (!listed)
        co_return fail(listed.error());
    for (const ListedSegment& one : *listed) {
        Result<SegmentPtr> segment = co_await read_segment(one.id, one.chunks);
        if (!segment)
            co_return fail(segment.error());
        catalogue.segments.push_back(*std::move(segment));
    }
    co_return catalogue;
}

Task<Result<TextIndex::SegmentPtr>> TextIndex::read_segment(Id id, std::uint64_t chunks)
{
    auto segment = std::make_shared<search::Segment>();
    segment->id = id;
    const Result<std::vector<store::Row>> emails =
        co_await scan_all(services_.store, services_.clock, index_partition(account_), emails_of_segment(id));
    if (!emails)
        co_return fail(emails.error());
    for (const store::Row& row : *emails) {
        const Result<SegmentEmails> part = read_segment_emails(row.value);
        if (!part)
            co_return fail(part.error());
        for (const search::Document document : part->opaque)
            segment->opaque.push_back(document + static_cast<search::Document>(segment->emails.size()));
        segment->emails.insert(segment->emails.end(), part->emails.begin(), part->emails.end());
    }
    const Result<std::vector<store::Row>> terms =
        co_await scan_all(services_.store, services_.clock, index_partition(account_), terms_of_segment(id));
    if (!terms)
        co_return fail(terms.error());
    for (const store::Row& row : *terms) {
        Result<search::Chunk> chunk = search::Chunk::read(row.value);
        if (!chunk)
            co_return fail(chunk.error());
        segment->chunks.push_back(*std::move(chunk));
    }
    if (segment->chunks.size() != chunks || segment->emails.size() > search::most_documents)
        co_return fail(damaged);
    segment->sort();
    co_return segment;
}

Task<Result<std::string>> TextIndex::postings(Id segment, std::size_t chunk)
{
    Result<std::optional<store::Value>> value =
        co_await services_.store.get(index_partition(account_), postings_key(segment, chunk), deadline());
    if (!value)
        co_return fail(value.error());
    if (!*value)
        co_return fail(damaged);
    co_return **std::move(value);
}

Task<Result<void>> TextIndex::erase()
{
    store::Batch batch;
    batch.erase_ranges = {{{}, {}, store::Space::rows}};
    publish(nullptr);
    co_return co_await commit(std::move(batch));
}

Task<Result<void>> TextIndex::commit(store::Batch batch)
{
    batch.partition = index_partition(account_);
    batch.id = services_.ids.next();
    // Written in order with everything else; what a power cut takes is made again.
    batch.durability = store::Durability::lazy;
    const store::Outcome outcome = co_await store::commit_surely(services_.store, std::move(batch),
                                                                 Deadline::in(services_.clock, commit_patience));
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    co_return Result<void>{};
}

}  // namespace posthouse::mailbox
