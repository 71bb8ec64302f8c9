#include "mta/queue/board.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

// A destination is asked again no later than this, however long its entries wait each.
constexpr Duration longest_backoff = 15min;

}  // namespace

void Board::enter(const WorkPtr& work)
{
    work->stages.assign(work->entries.size(), Stage::taken);
    work->left = work->entries.size();
    work->next_event = work->item.next_event;
    const std::scoped_lock lock(mutex_);
    items_.emplace(work->item.id, work);
}

void Board::withdraw(const WorkPtr& work)
{
    const std::scoped_lock lock(mutex_);
    items_.erase(work->item.id);
}

Board::Found Board::pin(ItemId item)
{
    const std::scoped_lock lock(mutex_);
    const auto found = items_.find(item);
    if (found != items_.end()) {
        ++found->second->pins;
        return {found->second, false};
    }
    return {nullptr, !loading_.insert(item).second};
}

void Board::loaded(ItemId item, const WorkPtr& work)
{
    const std::scoped_lock lock(mutex_);
    loading_.erase(item);
    if (!work)
        return;
    work->stages.assign(work->entries.size(), Stage::on_disk);
    work->left = work->entries.size();
    work->next_event = work->item.next_event;
    work->pins = 1;
    items_.emplace(item, work);
}

void Board::unpin(const WorkPtr& work)
{
    const std::scoped_lock lock(mutex_);
    --work->pins;
    forget_if_idle(work);
}

void Board::forget_if_idle(const WorkPtr& work)
{
    if (work->pins > 0)
        return;
    const auto in_work = [](Stage stage) { return stage == Stage::ready || stage == Stage::taken; };
    if (std::ranges::none_of(work->stages, in_work))
        items_.erase(work->item.id);
}

bool Board::take(const WorkPtr& work, std::size_t at) { return take_or_tell(work, at) == Taken::now; }

Board::Taken Board::take_or_tell(const WorkPtr& work, std::size_t at)
{
    const std::scoped_lock lock(mutex_);
    Stage& stage = work->stages[at];
    if (stage == Stage::gone)
        return Taken::gone;
    if (stage == Stage::taken)
        return Taken::by_others;
    stage = Stage::taken;  // a job that names it passes over it
    return Taken::now;
}

bool Board::has(const WorkPtr& work, std::uint16_t index) const
{
    const std::scoped_lock lock(mutex_);
    for (std::size_t at = 0; at < work->entries.size(); ++at)
        if (work->entries[at].index == index)
            return work->stages[at] != Stage::gone;
    return false;
}

std::vector<Board::Seen> Board::look(const WorkPtr& work) const
{
    const std::scoped_lock lock(mutex_);
    std::vector<Seen> seen;
    for (std::size_t at = 0; at < work->entries.size(); ++at)
        if (work->stages[at] != Stage::gone)
            seen.push_back({work->entries[at], work->stages[at] == Stage::taken});
    return seen;
}

void Board::mark(ItemId item, std::vector<Seen>& seen) const
{
    const std::scoped_lock lock(mutex_);
    const auto found = items_.find(item);
    if (found == items_.end())
        return;
    const Work& work = *found->second;
    const auto stage_of = [&](const Seen& each) {
        for (std::size_t at = 0; at < work.entries.size(); ++at)
            if (work.entries[at].index == each.entry.index)
                return work.stages[at];
        return Stage::gone;
    };
    std::erase_if(seen, [&](const Seen& each) { return stage_of(each) == Stage::gone; });
    for (Seen& each : seen)
        each.taken = stage_of(each) == Stage::taken;
}

std::optional<std::string> Board::due_in(const WorkPtr& work, std::size_t at, WallTime now) const
{
    const std::scoped_lock lock(mutex_);
    const Entry& entry = work->entries[at];
    if (work->stages[at] != Stage::on_disk || entry.due > now)
        return std::nullopt;
    return entry.lane();
}

void Board::to_disk(const WorkPtr& work, std::size_t at)
{
    work->stages[at] = Stage::on_disk;
    const Entry& entry = work->entries[at];
    waits_locked(entry.lane(), shard_of(entry.item), entry.due);
}

void Board::put_back(const WorkPtr& work, std::size_t at)
{
    const std::scoped_lock lock(mutex_);
    to_disk(work, at);
    forget_if_idle(work);
}

void Board::changed(const WorkPtr& work, std::size_t at, Entry entry)
{
    const std::scoped_lock lock(mutex_);
    work->entries[at] = std::move(entry);
    to_disk(work, at);
    forget_if_idle(work);
}

void Board::gone(const WorkPtr& work, std::size_t at)
{
    const std::scoped_lock lock(mutex_);
    work->stages[at] = Stage::gone;
    forget_if_idle(work);
}

void Board::offer(const std::string& destination, std::string_view domain, Job job)
{
    std::shared_ptr<const Policy> policy = services_.policies.of(domain);
    const WorkPtr work = job.work;
    const std::vector<std::size_t> at = job.at;
    const std::scoped_lock lock(mutex_);
    const bool taken = destinations_.offer(destination, std::move(policy), job, now());
    for (const std::size_t each : at) {
        if (taken)
            work->stages[each] = Stage::ready;
        else
            to_disk(work, each);
    }
    if (!taken)
        forget_if_idle(work);
    expect_look();
}

// The keeper must not sleep past the moment when a place is given although nothing happens.
void Board::expect_look()
{
    const Destinations::Now time = now();
    const SteadyTime look = destinations_.next_look(time);
    if (look != SteadyTime::max() && time.queue + std::chrono::ceil<Duration>(look - time.steady) < sleeps_until_)
        wake_locked();
}

SlotPtr Board::begin()
{
    const std::scoped_lock lock(mutex_);
    return destinations_.begin(now());
}

std::optional<Job> Board::next(const SlotPtr& slot)
{
    const std::scoped_lock lock(mutex_);
    for (;;) {
        std::optional<Job> job = destinations_.take(slot, now());
        hurry_unparked();
        if (!job) {
            expect_look();
            return std::nullopt;
        }
        std::erase_if(job->at, [&](std::size_t at) { return job->work->stages[at] != Stage::ready; });
        if (job->at.empty())
            continue;
        for (const std::size_t at : job->at)
            job->work->stages[at] = Stage::taken;
        return job;
    }
}

void Board::hurry_unparked()
{
    const std::vector<std::string> lanes = destinations_.unparked();
    for (const std::string& lane : lanes)
        agenda_.hurry(lane);
    if (!lanes.empty())
        wake_locked();
}

void Board::answered(const std::string& destination)
{
    const std::scoped_lock lock(mutex_);
    destinations_.answered(destination, now());
    hurry_unparked();
}

void Board::host_failed(const std::string& destination, const Policy& policy, std::string reason)
{
    const std::scoped_lock lock(mutex_);
    const WallTime time = services_.time.now();
    const Destination* known = destinations_.find(destination);
    // Of several that fail at once, as one: the first has put the destination off already.
    const bool put_off_already = known != nullptr && known->not_before > time;
    const std::uint32_t failures = known != nullptr ? known->failures + 1 : 1;
    const Duration pause = with_jitter(std::min(policy.delay_after(failures), longest_backoff), services_.random);
    const WallTime until = put_off_already ? known->not_before : time + pause;
    for (const Job& job : destinations_.failed(destination, std::move(reason), until)) {
        for (const std::size_t at : job.at)
            if (job.work->stages[at] == Stage::ready)
                to_disk(job.work, at);
        forget_if_idle(job.work);
    }
    hurry_unparked();
}

std::string Board::backing_off(const std::string& destination) const
{
    const std::scoped_lock lock(mutex_);
    const Destination* known = destinations_.find(destination);
    if (known == nullptr || known->failures == 0)
        return {};
    return known->reason;
}

void Board::waits(std::string_view lane, std::uint64_t shard, WallTime due)
{
    const std::scoped_lock lock(mutex_);
    waits_locked(lane, shard, due);
}

void Board::waits_locked(std::string_view lane, std::uint64_t shard, WallTime due)
{
    agenda_.waits(lane, shard, due);
    if (agenda_.first() < sleeps_until_)
        wake_locked();
}

std::optional<Agenda::InHand> Board::due_lane()
{
    const std::scoped_lock lock(mutex_);
    return agenda_.take(services_.time.now());
}

std::size_t Board::room(const std::string& destination, const Agenda::InHand& lane)
{
    const std::scoped_lock lock(mutex_);
    const Destinations::Room room = destinations_.room(destination, lane.lane, now());
    if (room.jobs == 0)
        agenda_.put_off(lane, room.until);
    return room.jobs;
}

void Board::put_off(const Agenda::InHand& lane, Duration by)
{
    const std::scoped_lock lock(mutex_);
    agenda_.put_off(lane, services_.time.now() + by);
}

void Board::hurry(std::string_view lane, const std::string& destination)
{
    const std::scoped_lock lock(mutex_);
    destinations_.forgive(destination, now());
    agenda_.hurry(lane);
    wake_locked();
}

void Board::expect_event(std::uint64_t shard, WallTime time)
{
    const std::scoped_lock lock(mutex_);
    events_[shard] = std::min(events_[shard], time);
    if (time < sleeps_until_)
        wake_locked();
}

std::optional<WallTime> Board::due_events(std::uint64_t shard)
{
    const std::scoped_lock lock(mutex_);
    if (events_[shard] > services_.time.now())
        return std::nullopt;
    return std::exchange(events_[shard], Agenda::nothing);
}

std::pair<std::optional<SteadyTime>, Promise<bool>> Board::rest(Duration most)
{
    const std::scoped_lock lock(mutex_);
    wake_ = {};
    const Destinations::Now time = now();
    const WallTime first = std::min(agenda_.first(), *std::ranges::min_element(events_));
    Duration pause = first == Agenda::nothing ? most : std::min(most, Duration{first - time.queue});
    const SteadyTime look = destinations_.next_look(time);
    if (look != SteadyTime::max())
        pause = std::min(pause, std::chrono::ceil<Duration>(look - time.steady));
    if (std::exchange(woken_, false))
        pause = {};
    pause = std::max(pause, Duration{0});
    if (pause == Duration{0})  // it does not sleep: whoever wakes it now is heard
        return {std::nullopt, wake_};
    sleeps_until_ = time.queue + pause;
    wakes_at_ = time.steady + pause;
    return {wakes_at_, wake_};
}

void Board::awake()
{
    const std::scoped_lock lock(mutex_);
    sleeps_until_ = {};
}

void Board::wake()
{
    const std::scoped_lock lock(mutex_);
    wake_locked();
}

void Board::wake_locked()
{
    if (sleeps_until_ == WallTime{}) {
        woken_ = true;
        return;
    }
    sleeps_until_ = {};
    wake_.fulfil(true);
    wake_ = {};
}

void Board::tidy()
{
    const std::scoped_lock lock(mutex_);
    destinations_.forget_idle(now());
}

Board::Counts Board::counts() const
{
    const std::scoped_lock lock(mutex_);
    return {items_.size(), destinations_.ready(), destinations_.running(), agenda_.lanes(), destinations_.size()};
}

std::optional<SteadyTime> Board::rests_until() const
{
    const std::scoped_lock lock(mutex_);
    if (destinations_.running() > 0 || sleeps_until_ == WallTime{} || wakes_at_ <= services_.clock.steady())
        return std::nullopt;
    return wakes_at_;
}

void Board::set_event(const WorkPtr& work, WallTime time)
{
    const std::scoped_lock lock(mutex_);
    work->next_event = time;
}

WallTime Board::event_of(const WorkPtr& work) const
{
    const std::scoped_lock lock(mutex_);
    return work->next_event;
}

}  // namespace posthouse::mta::queue
