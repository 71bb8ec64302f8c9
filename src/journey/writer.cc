// From memory to the store, and out of it again when its time is over.
#include "journey/journeys.h"

#include <algorithm>
#include <iterator>

namespace posthouse::journey {

namespace {

constexpr auto gathering = 200ms;  // from the first event to the write
constexpr auto commit_patience = 30s;
constexpr auto sweep_pause = 1h;
constexpr auto complaint_pause = 1min;
// A chunk: alike enough to pack well, small enough to be read for one message.
constexpr std::size_t segments_a_chunk = 6;
// Below the store's limits, with room for the keys.
constexpr std::size_t most_value = 64'000;
constexpr std::size_t most_batch = 900'000;

Digest digest_of(std::span<const Segment> segments)
{
    Digest digest;
    for (const Segment& segment : segments) {
        std::ranges::copy(segment.subjects, std::back_inserter(digest.subjects));
        std::ranges::copy(segment.found, std::back_inserter(digest.found));
    }
    std::ranges::sort(digest.subjects);
    digest.subjects.erase(std::ranges::unique(digest.subjects).begin(), digest.subjects.end());
    std::ranges::sort(digest.found);
    digest.found.erase(std::ranges::unique(digest.found).begin(), digest.found.end());
    return digest;
}

struct Packed {
    std::string chunk;
    std::string digest;
};

// Halves what is too large for a row: a single segment always fits.
void pack_into(std::vector<Packed>& out, std::span<const Segment> segments)
{
    std::vector<std::string> bytes;
    for (const Segment& segment : segments)
        bytes.push_back(segment.bytes);
    std::string chunk = pack(bytes);
    Digest digest = digest_of(segments);
    digest.stored = chunk.size();
    std::string written = write_digest(digest);
    if (segments.size() > 1 && (chunk.size() > most_value || written.size() > most_value)) {
        pack_into(out, segments.first(segments.size() / 2));
        pack_into(out, segments.subspan(segments.size() / 2));
        return;
    }
    out.push_back({std::move(chunk), std::move(written)});
}

std::vector<Packed> pack_all(std::vector<Segment> segments)
{
    std::vector<Packed> out;
    for (std::span<const Segment> rest(segments); !rest.empty();) {
        const std::size_t count = std::min(segments_a_chunk, rest.size());
        pack_into(out, rest.first(count));
        rest = rest.subspan(count);
    }
    return out;
}

}  // namespace

Journeys::Journeys(Services services, Recording* recording, Retention retention) :
    services_(services), recording_(recording), retention_(retention)
{
    if (recording_ == nullptr)
        return;
    recording_->on_first([this] {
        const std::scoped_lock lock(mutex_);
        std::exchange(told_, {}).fulfil(true);
    });
}

Deadline Journeys::patience() const { return Deadline::in(services_.clock, commit_patience); }

void Journeys::hurry()
{
    std::exchange(told_, {}).fulfil(true);
    std::exchange(hurried_, {}).fulfil(true);
}

void Journeys::stop()
{
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    hurry();
}

Task<void> Journeys::run()
{
    SteadyTime next_sweep = services_.clock.steady();
    Promise<bool> told;
    Promise<bool> hurried;
    bool stops = false;
    // The promises are taken before memory is emptied: what is told behind that fulfils them.
    const auto look = [&] {
        const std::scoped_lock lock(mutex_);
        told = told_;
        hurried = hurried_;
        stops = stopping_;
    };
    look();
    co_await write_held();  // what was told and asked for before
    while (!stops) {
        if (services_.clock.steady() >= next_sweep || written_since_sweep_ > retention_.bytes / 20) {
            const Result<std::uint64_t> left = co_await sweep();
            if (!left)
                services_.log.write(LogLevel::warning, "journey", 0, "old journeys were not swept",
                                    {{"why", left.error().text}});
            next_sweep = services_.clock.steady() + sweep_pause;
            written_since_sweep_ = 0;
        }
        co_await told.ready_within(std::chrono::ceil<Duration>(next_sweep - services_.clock.steady()));
        co_await hurried.ready_within(gathering);
        look();
        co_await write_held();
    }
    std::vector<Promise<bool>> waiting;
    {
        const std::scoped_lock lock(mutex_);
        has_ended_ = true;
        waiting.swap(waiting_);
    }
    for (const Promise<bool>& promise : waiting)  // who asked meanwhile gets what there is
        promise.fulfil(true);
}

Task<void> Journeys::flush()
{
    Promise<bool> written;
    {
        const std::scoped_lock lock(mutex_);
        if (recording_ == nullptr || has_ended_)
            co_return;
        waiting_.push_back(written);
        hurry();
    }
    co_await written.get();
}

Task<void> Journeys::write_held()
{
    std::vector<Promise<bool>> waiting;
    {
        const std::scoped_lock lock(mutex_);
        waiting.swap(waiting_);
    }
    if (recording_ == nullptr)
        co_return;
    std::vector<Segment> segments = recording_->drain();
    std::uint64_t events = 0;
    for (const Segment& segment : segments)
        events += segment.events;
    std::uint64_t lost = recording_->take_dropped();
    if (lost > 0) {
        SegmentWriter note;
        note.begin(Kind::lost, services_.clock.now(), 0, 0).add(Number::count, lost).end();
        segments.push_back({.bytes = note.take(), .events = 1});
    }
    if (!segments.empty()) {
        Result<std::vector<Packed>> packed = co_await services_.workers.offload(
            [segments = std::move(segments)]() mutable { return pack_all(std::move(segments)); });
        store::Batch batch;
        bool all_written = packed.has_value();
        for (std::size_t i = 0; packed && i < packed->size(); ++i) {
            Packed& one = (*packed)[i];
            const ChunkId chunk = services_.ids.next();
            const store::Partition day = partition_of(chunk);
            const bool is_full = batch.bytes() + one.chunk.size() + one.digest.size() > most_batch;
            if (!batch.puts.empty() && (is_full || batch.partition != day))
                all_written &= co_await commit(std::exchange(batch, {}));
            batch.partition = day;
            batch.puts.push_back({chunk_key(chunk), std::move(one.chunk), store::Space::bodies});
            batch.puts.push_back({digest_key(chunk), std::move(one.digest)});
        }
        if (!batch.puts.empty())
            all_written &= co_await commit(std::move(batch));
        if (!all_written)
            lost += events;
    }
    note_losses(lost);
    std::map<std::uint64_t, Promise<bool>> followers;
    {
        const std::scoped_lock lock(mutex_);
        followers.swap(followers_);
    }
    for (const Promise<bool>& promise : waiting)
        promise.fulfil(true);
    for (const auto& [place, promise] : followers)
        promise.fulfil(true);
}

Task<bool> Journeys::commit(store::Batch batch)
{
    batch.id = services_.ids.next();
    batch.durability = store::Durability::lazy;
    const std::size_t bytes = batch.bytes();
    const store::Outcome outcome = co_await services_.store.commit(std::move(batch), patience());
    written_since_sweep_ += bytes;
    co_return outcome == store::Outcome::ok;
}

// At most one line a minute, however much is lost.
void Journeys::note_losses(std::uint64_t events)
{
    dropped_ += events;
    unreported_ += events;
    if (unreported_ == 0 || services_.clock.steady() < next_report_)
        return;
    services_.log.write(LogLevel::warning, "journey", 0, "the disk is too slow or too full: journeys have gaps",
                        {{"events lost", std::to_string(std::exchange(unreported_, 0))}});
    next_report_ = services_.clock.steady() + complaint_pause;
}

// --- retention --------------------------------------------------------------------------------

Task<Result<std::uint64_t>> Journeys::sweep()
{
    const std::uint64_t today = day_of(services_.ids.next());
    std::vector<std::pair<store::Partition, std::uint64_t>> days;
    std::uint64_t sum = 0;
    for (std::uint64_t from = 0;;) {
        Result<std::vector<store::Partition>> page =
            co_await services_.store.partitions(store::PartitionKind::journey, from, patience());
        if (!page)
            co_return fail(page.error());
        if (page->empty())
            break;
        for (const store::Partition day : *page) {
            from = day.id + 1;
            if (day.id + retention_.days < today) {
                const Result<void> erased = co_await erase(day, 0);
                if (!erased)
                    co_return fail(erased.error());
                continue;
            }
            const Result<std::uint64_t> size = co_await size_of(day);
            if (!size)
                co_return fail(size.error());
            days.emplace_back(day, *size);
            sum += *size;
        }
    }
    // A little more than must be, so that not every sweep has to.
    const std::uint64_t aim = sum > retention_.bytes ? retention_.bytes - retention_.bytes / 16 : sum;
    for (const auto& [day, size] : days) {
        if (sum <= aim)
            break;
        const bool whole_day = size <= sum - aim;
        const Result<void> erased = whole_day ? co_await erase(day, 0) : co_await erase_oldest(day, sum - aim);
        if (!erased)
            co_return fail(erased.error());
        sum = whole_day ? sum - size : aim;
    }
    co_return sum;
}

Task<Result<std::uint64_t>> Journeys::size_of(store::Partition day)
{
    std::uint64_t sum = 0;
    store::Range range = digests_from(0);
    for (bool more = true; more;) {
        Result<store::Page> page =
            co_await services_.store.scan(day, range, services_.store.limits().page_rows, patience());
        if (!page)
            co_return fail(page.error());
        for (const store::Row& row : page->rows) {
            const Result<Digest> digest = read_digest(row.value);
            sum += row.key.size() + row.value.size() + (digest ? digest->stored : 0);
        }
        more = page->more;
        if (more)
            range.from = page->rows.back().key + '\0';
    }
    co_return sum;
}

// The day's first chunks, until `surplus` bytes are gone.
Task<Result<void>> Journeys::erase_oldest(store::Partition day, std::uint64_t surplus)
{
    std::uint64_t sum = 0;
    store::Range range = digests_from(0);
    ChunkId until = 0;
    for (bool more = true; more && sum < surplus;) {
        Result<store::Page> page =
            co_await services_.store.scan(day, range, services_.store.limits().page_rows, patience());
        if (!page)
            co_return fail(page.error());
        for (const store::Row& row : page->rows) {
            const Result<ChunkId> chunk = read_digest_key(row.key);
            const Result<Digest> digest = read_digest(row.value);
            if (sum >= surplus)
                break;
            sum += row.key.size() + row.value.size() + (digest ? digest->stored : 0);
            until = chunk ? *chunk + 1 : until;
        }
        more = page->more;
        if (more)
            range.from = page->rows.back().key + '\0';
    }
    co_return co_await erase(day, until);
}

// Everything before `until`; 0: the whole day.
Task<Result<void>> Journeys::erase(store::Partition day, ChunkId until)
{
    store::Batch batch;
    batch.partition = day;
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::upkeep;
    batch.durability = store::Durability::lazy;
    batch.erase_ranges.push_back(
        {until == 0 ? store::Key() : chunk_key(0), until == 0 ? store::Key() : chunk_key(until), store::Space::bodies});
    batch.erase_ranges.push_back(
        {until == 0 ? store::Key() : digest_key(0), until == 0 ? store::Key() : digest_key(until)});
    const store::Outcome outcome = co_await services_.store.commit(std::move(batch), patience());
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    co_return Result<void>{};
}

}  // namespace posthouse::journey
