#include "store/memory/memory.h"

#include <algorithm>

namespace posthouse::store {

namespace {

// Real engines answer from another thread: whoever awaits is always suspended once.
Task<void> pass_through_the_loop(Duration delay)
{
    if (delay > Duration::zero()) {
        co_await sleep_for(delay);
        co_return;
    }
    const LoopExecutor executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, use_task);
}

using Map = std::map<Key, Value>;

Map::const_iterator end_of(const Map& map, const Key& until)
{
    return until.empty() ? map.end() : map.lower_bound(until);
}

void erase_range(Map& map, const EraseRange& range)
{
    if (range.until.empty() || range.from < range.until)
        map.erase(map.lower_bound(range.from), end_of(map, range.until));
}

}  // namespace

Task<Outcome> MemoryStore::commit(Batch batch, Deadline deadline)
{
    const auto flight = std::make_shared<Flight>();
    Duration delay;
    {
        const std::scoped_lock lock(mutex_);
        flight->batch = std::move(batch);
        delay = delay_;
        if (judge(flight->batch, limits()) != Outcome::ok)
            flight->outcome = Outcome::too_large;
        else if (deadline.passed(clock_))
            flight->outcome = Outcome::unavailable;
        else
            flights_.push_back(flight);
        if (holding_ && !flight->outcome) {
            flight->released.emplace();
            held_.push_back(flight);
        }
    }
    if (flight->released)
        co_await flight->released->get();
    co_await pass_through_the_loop(delay);
    const std::scoped_lock lock(mutex_);
    if (!flight->outcome)
        land_until(flight);
    co_return *flight->outcome;
}

// In the order in which they were handed in, whichever timer fired first.
void MemoryStore::land_until(const std::shared_ptr<Flight>& flight)
{
    while (!flight->outcome) {
        const std::shared_ptr<Flight> first = flights_.front();
        flights_.pop_front();
        first->outcome = land(first->batch);
        first->batch = {};
    }
}

Outcome MemoryStore::land(const Batch& batch)
{
    const auto fault = commit_faults_.find(++landed_);
    if (stopped_at_ && landed_ >= *stopped_at_)
        return Outcome::unavailable;
    if (fault != commit_faults_.end()) {
        const auto [outcome, landed] = fault->second;
        commit_faults_.erase(fault);
        if (landed == Landed::yes && refusal(batch) == Outcome::ok)
            apply(batch);
        return outcome;
    }
    const Outcome outcome = refusal(batch);
    if (outcome == Outcome::ok) {
        apply(batch);
        ++answered_ok_;
    }
    return outcome;
}

Outcome MemoryStore::refusal(const Batch& batch) const
{
    if (health_ == Health::read_only || (health_ == Health::low_space && batch.purpose == Purpose::intake))
        return Outcome::unavailable;
    const auto found = partitions_.find(batch.partition);
    for (const Check& check : batch.checks) {
        std::optional<Value> value;
        if (found != partitions_.end()) {
            const auto row = found->second.rows.find(check.key);
            if (row != found->second.rows.end())
                value = row->second;
        }
        if (value != check.equals)
            return Outcome::conflict;
    }
    return Outcome::ok;
}

void MemoryStore::apply(const Batch& batch)
{
    if (batch.durability == Durability::synced)
        undo_.clear();  // the log is one: a sync makes everything before it safe
    else if (const auto found = partitions_.find(batch.partition); found != partitions_.end())
        undo_.try_emplace(batch.partition, found->second);
    else
        undo_.try_emplace(batch.partition, std::nullopt);

    Rows& rows = partitions_[batch.partition];
    for (const EraseRange& range : batch.erase_ranges)
        erase_range(rows.in(range.space), range);
    for (const Erase& erase : batch.erases)
        rows.in(erase.space).erase(erase.key);
    for (const Put& put : batch.puts)
        rows.in(put.space).insert_or_assign(put.key, put.value);
    rows.head = batch.id;
}

Task<Outcome> MemoryStore::resolve(Batch batch, Deadline deadline)
{
    co_await pass_through_the_loop({});
    const std::scoped_lock lock(mutex_);
    if (deadline.passed(clock_) || health_ == Health::read_only)
        co_return Outcome::unavailable;
    // Whatever is in flight for this partition comes first, as behind a lock.
    while (!flights_.empty())
        land_until(flights_.front());
    const auto found = partitions_.find(batch.partition);
    co_return found != partitions_.end() && found->second.head == batch.id ? Outcome::ok : Outcome::conflict;
}

std::optional<Error> MemoryStore::read_refusal(Deadline deadline, const Key& key)
{
    const auto fault = read_faults_.find(++reads_);
    if (fault == read_faults_.end()) {
        if (deadline.passed(clock_))
            return Error{ErrorCode::timeout, "the deadline passed before the read began"};
        if (const auto judged = judge(key, limits()); !judged)
            return judged.error();
        return std::nullopt;
    }
    const ErrorCode code = fault->second;
    read_faults_.erase(fault);
    return Error{code, "a fault that the test asked for"};
}

Task<Result<std::optional<Value>>> MemoryStore::get(Partition partition, Key key, Deadline deadline, Space space)
{
    co_await pass_through_the_loop({});
    const std::scoped_lock lock(mutex_);
    if (const auto refusal = read_refusal(deadline, key))
        co_return fail(*refusal);
    std::optional<Value> value;
    const auto found = partitions_.find(partition);
    if (found != partitions_.end()) {
        const Map& map = found->second.in(space);
        if (const auto row = map.find(key); row != map.end())
            value = row->second;
    }
    co_return value;
}

Promise<Result<Store::Values>> MemoryStore::read_ahead(Partition partition, std::vector<Key> keys, Deadline deadline,
                                                       Space space)
{
    const Promise<Result<Values>> answer;
    const std::scoped_lock lock(mutex_);
    if (const auto refusal = read_refusal(deadline)) {
        answer.fulfil(fail(*refusal));
        return answer;
    }
    Values values(keys.size());
    const auto found = partitions_.find(partition);
    for (std::size_t i = 0; i < keys.size() && found != partitions_.end(); ++i) {
        const Map& map = found->second.in(space);
        if (const auto row = map.find(keys[i]); row != map.end())
            values[i] = row->second;
    }
    answer.fulfil(std::move(values));
    return answer;
}

Task<Result<Page>> MemoryStore::scan(Partition partition, Range range, std::size_t most_rows, Deadline deadline,
                                     Space space)
{
    co_await pass_through_the_loop({});
    const std::scoped_lock lock(mutex_);
    if (const auto refusal = read_refusal(deadline))
        co_return fail(*refusal);
    Page page;
    const auto found = partitions_.find(partition);
    if (found == partitions_.end() || (!range.until.empty() && range.until <= range.from))
        co_return page;
    const Map& map = found->second.in(space);
    const std::size_t most = std::clamp<std::size_t>(most_rows, 1, limits().page_rows);
    const auto end = end_of(map, range.until);
    std::size_t bytes = 0;
    for (auto row = map.lower_bound(range.from); row != end; ++row) {
        bytes += row->first.size() + row->second.size();
        if (page.rows.size() == most || (!page.rows.empty() && bytes > limits().page_bytes)) {
            page.more = true;
            break;
        }
        page.rows.push_back({row->first, row->second});
    }
    co_return page;
}

Task<Result<std::optional<Row>>> MemoryStore::last(Partition partition, Range range, Deadline deadline)
{
    co_await pass_through_the_loop({});
    const std::scoped_lock lock(mutex_);
    if (const auto refusal = read_refusal(deadline))
        co_return fail(*refusal);
    std::optional<Row> last;
    const auto found = partitions_.find(partition);
    if (found == partitions_.end() || (!range.until.empty() && range.until <= range.from))
        co_return last;
    const Map& map = found->second.rows;
    const auto end = end_of(map, range.until);
    if (end != map.lower_bound(range.from)) {
        const auto row = std::prev(end);
        last = Row{row->first, row->second};
    }
    co_return last;
}

Task<Result<std::vector<Partition>>> MemoryStore::partitions(PartitionKind kind, std::uint64_t from, Deadline deadline)
{
    constexpr std::size_t most = 1000;
    co_await pass_through_the_loop({});
    const std::scoped_lock lock(mutex_);
    if (const auto refusal = read_refusal(deadline))
        co_return fail(*refusal);
    std::vector<Partition> all;
    for (auto found = partitions_.lower_bound({kind, from});
         found != partitions_.end() && found->first.kind == kind && all.size() < most; ++found)
        if (!found->second.rows.empty() || !found->second.bodies.empty())
            all.push_back(found->first);
    co_return all;
}

Health MemoryStore::health() const
{
    const std::scoped_lock lock(mutex_);
    return health_;
}

void MemoryStore::stop_at_commit(std::uint64_t n)
{
    const std::scoped_lock lock(mutex_);
    stopped_at_ = n == 0 ? std::nullopt : std::optional(landed_ + flights_.size() + n);
}

void MemoryStore::fail_commit(std::uint64_t n, Outcome outcome, Landed landed)
{
    const std::scoped_lock lock(mutex_);
    commit_faults_[landed_ + flights_.size() + n] = {outcome, landed};
}

void MemoryStore::fail_read(std::uint64_t n, ErrorCode error)
{
    const std::scoped_lock lock(mutex_);
    read_faults_[reads_ + n] = error;
}

void MemoryStore::set_delay(Duration delay)
{
    const std::scoped_lock lock(mutex_);
    delay_ = delay;
}

void MemoryStore::hold()
{
    const std::scoped_lock lock(mutex_);
    holding_ = true;
}

void MemoryStore::release()
{
    std::vector<std::shared_ptr<Flight>> held;
    {
        const std::scoped_lock lock(mutex_);
        holding_ = false;
        held.swap(held_);
    }
    for (const auto& flight : held)
        flight->released->fulfil(true);
}

void MemoryStore::set_health(Health health)
{
    const std::scoped_lock lock(mutex_);
    health_ = health;
}

void MemoryStore::crash()
{
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& flight : flights_)
            flight->outcome = Outcome::unavailable;
        flights_.clear();
        for (auto& [partition, before] : undo_) {
            if (before)
                partitions_[partition] = std::move(*before);
            else
                partitions_.erase(partition);
        }
        undo_.clear();
    }
    release();
}

std::uint64_t MemoryStore::commits() const
{
    const std::scoped_lock lock(mutex_);
    return answered_ok_;
}

std::uint64_t MemoryStore::reads() const
{
    const std::scoped_lock lock(mutex_);
    return reads_;
}

}  // namespace posthouse::store
