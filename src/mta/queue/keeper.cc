// The keeper: takes up what a former run left, and brings up what is due, from then on.
#include "mta/queue/queue.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr auto longest_rest = 10min;  // then it looks at the clock, which may have been set
constexpr auto pause_after_failure = 1min;
constexpr auto without_carrier = 1h;
constexpr Duration time_is_kept_every = 1min;
constexpr std::size_t lanes_a_round = 1'000;
constexpr std::size_t most_rows = 1'000;

store::Key clock_key() { return store::KeyBuilder(static_cast<std::uint8_t>(Table::clock)).key(); }

}  // namespace

Task<void> Queue::run()
{
    co_await take_up();
    while (!stopping_) {
        for (std::uint64_t shard = 0; shard < shards && !stopping_; ++shard)
            co_await handle_events(shard);
        co_await read_ahead();
        begin_attempts(services_.loops[next_loop_++].executor());
        co_await keep_time(false);
        board_.tidy();
        const auto [until, woken] = board_.rest(longest_rest);
        if (!until)
            co_await sleep_for(Duration{0});  // others on this loop have their turn
        else if (!stopping_)
            co_await woken.ready_by(services_.clock, *until);
        board_.awake();
    }
    co_await keep_time(true);
}

// --- the start --------------------------------------------------------------------------------

Task<Result<void>> Queue::load_common()
{
    if (loaded_.exchange(true))
        co_return Result<void>{};
    Result<void> policies = co_await policies_.load();
    if (!policies)
        co_return policies;
    Result<std::optional<store::Value>> kept = co_await services_.store.get(common, clock_key(), soon());
    if (!kept)
        co_return fail(kept.error());
    if (*kept && !time_.resume(**kept))
        co_return fail(ErrorCode::corrupt, "the queue's clock cannot be read; it begins anew");
    co_return Result<void>{};
}

Task<void> Queue::take_up()
{
    const Result<void> loaded = co_await load_common();
    if (!loaded)
        report(LogLevel::error, 0, "the queue begins with the usual policies", loaded.error());
    for (std::uint64_t shard = 0; shard < shards && !stopping_; ++shard) {
        co_await convert_former(shard);
        co_await find_lanes(shard);
        board_.expect_event(shard, time_.now());
    }
}

// The first waiting row of each lane tells when the lane is due: one short scan a lane, however many entries
// wait in it.
Task<void> Queue::find_lanes(std::uint64_t shard)
{
    store::Range range = all_waiting();
    while (!stopping_) {
        const Result<store::Page> page =
            co_await services_.store.scan({store::PartitionKind::queue, shard}, range, 1, soon());
        if (!page) {
            report(LogLevel::error, 0, "cannot read what waits; trying again", page.error());
            co_await sleep_for(services_.clock, pause_after_failure);
            continue;
        }
        if (page->rows.empty())
            co_return;
        const Result<Place> place = read_waiting_key(page->rows.front().key);
        if (place) {
            board_.waits(place->lane, shard, place->due);
            range.from = waiting_in(place->lane, {}).until;
        } else {
            range.from = page->rows.front().key + '\0';
        }
    }
}

Task<void> Queue::keep_time(bool at_once)
{
    const WallTime now = time_.now();
    if (!at_once && now < time_kept_ + time_is_kept_every)
        co_return;
    time_kept_ = now;
    store::Batch batch;
    batch.partition = common;
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::upkeep;
    batch.durability = store::Durability::lazy;
    batch.puts.push_back({clock_key(), time_.write()});
    co_await services_.store.commit(std::move(batch), soon());  // if not now, then in a minute
}

// --- lanes ------------------------------------------------------------------------------------

Task<void> Queue::read_ahead()
{
    for (std::size_t i = 0; i < lanes_a_round && !stopping_; ++i) {
        std::optional<Agenda::InHand> lane = board_.due_lane();
        if (!lane)
            co_return;
        co_await read_lane(std::move(*lane));
        begin_attempts(services_.loops[next_loop_++].executor());
    }
    board_.wake();
}

Task<void> Queue::read_lane(Agenda::InHand lane)
{
    if (!lane.lane.empty() && services_.carrier == nullptr) {
        board_.put_off(lane, without_carrier);
        co_return;
    }
    const std::string destination = co_await destination_of(lane.lane);
    std::size_t room = board_.room(destination, lane);
    if (room == 0)
        co_return;
    // Each time from another shard on, so that none comes last always.
    const std::uint64_t first = next_loop_++;
    for (std::uint64_t i = 0; i < shards; ++i) {
        const std::uint64_t shard = (first + i) % shards;
        const WallTime mark = lane.marks[shard];
        if (mark == Agenda::nothing)
            continue;
        if (room == 0) {
            board_.waits(lane.lane, shard, mark);
            continue;
        }
        room -= co_await read_shard(lane, shard, destination, room);
    }
}

// Brings up to `most` jobs of a lane into the ready list, and says from where to go on. Answers how many.
Task<std::size_t> Queue::read_shard(Agenda::InHand lane, std::uint64_t shard, std::string destination, std::size_t most)
{
    store::Range range = waiting_in(lane.lane, lane.marks[shard]);
    std::size_t brought = 0;
    for (;;) {
        const Result<store::Page> page = co_await services_.store.scan({store::PartitionKind::queue, shard}, range,
                                                                       std::min(most - brought + 1, most_rows), soon());
        if (!page) {
            report(LogLevel::error, 0, "cannot read what is due; trying again", page.error());
            Agenda::InHand back = lane;
            back.marks.fill(Agenda::nothing);
            back.marks[shard] = lane.marks[shard];
            board_.put_off(back, pause_after_failure);
            co_return brought;
        }
        for (const store::Row& row : page->rows) {
            Result<Place> place = read_waiting_key(row.key);
            if (!place)
                continue;
            const bool later = place->due > time_.now();
            if (later || brought >= most || stopping_) {
                board_.waits(lane.lane, shard, place->due);
                co_return brought;
            }
            const bool is_up = co_await bring_up(std::move(*place), destination);
            brought += is_up ? 1 : 0;
        }
        if (!page->more)
            co_return brought;
        range.from = page->rows.back().key + '\0';
    }
}

// The item of a waiting row, with all that is due of it for the same destination, as a job.
Task<bool> Queue::bring_up(Place place, std::string destination)
{
    const Result<Pin> pin = co_await obtain(place.item);
    if (!pin && pin.error() != ErrorCode::not_found) {
        report(LogLevel::alarm, place.item, "a queued message cannot be read; it stays as it is", pin.error());
        co_return false;
    }
    const bool is_there = pin && board_.has(pin->work(), place.index);
    if (!is_there) {
        co_await forget_stray(waiting_key(place.lane, place.due, place.item, place.index), place.item);
        co_return false;
    }
    Job job;
    job.work = pin->work();
    const WallTime now = time_.now();
    for (std::size_t at = 0; at < job.work->entries.size(); ++at) {
        const std::optional<std::string> lane = board_.due_in(job.work, at, now);
        if (!lane)
            continue;
        const bool same_way = *lane == place.lane || co_await destination_of(*lane) == destination;
        const std::size_t most = place.lane.empty() ? most_in_local_job : smtp::Carrier::most_recipients;
        const bool fits = job.at.size() < most;
        if (same_way && fits && board_.take(job.work, at))
            job.at.push_back(at);
    }
    if (job.at.empty())
        co_return false;
    board_.offer(destination, place.lane, std::move(job));
    co_return true;
}

// A row that leads to nothing: left by no step of ours, but never to be met again and again.
Task<void> Queue::forget_stray(store::Key key, ItemId item)
{
    services_.log.write(LogLevel::warning, "mta/queue", item, "a row that leads to nothing is erased");
    store::Batch batch;
    batch.partition = partition_of(item);
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::upkeep;
    batch.erases.push_back({std::move(key)});
    co_await services_.store.commit(std::move(batch), soon());
}

}  // namespace posthouse::mta::queue
