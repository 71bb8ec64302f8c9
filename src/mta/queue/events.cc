// What is late: the delay notice, the time a message named itself (RFC 2852), and the end of trying.
#include "mta/queue/queue.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr std::size_t events_a_round = 200;
constexpr std::size_t most_unwritten = 500;
constexpr auto pause_after_failure = Duration{1min};
constexpr auto look_again = 5ms;
constexpr Duration while_taken = 1min;  // somebody works on the entry at this moment
constexpr Duration while_held = 1h;
constexpr Duration for_a_last_attempt = 10min;

}  // namespace

Task<void> Queue::handle_events(std::uint64_t shard)
{
    const std::optional<WallTime> from = board_.due_events(shard);
    if (!from)
        co_return;
    const Result<store::Page> page =
        co_await services_.store.scan({store::PartitionKind::queue, shard}, events_from(*from), events_a_round, soon());
    if (!page) {
        report(LogLevel::error, 0, "cannot read what is late; trying again", page.error());
        board_.expect_event(shard, time_.now() + pause_after_failure);
        co_return;
    }
    for (const store::Row& row : page->rows) {
        const Result<Event> event = read_event_key(row.key);
        if (!event)
            continue;
        if (event->time > time_.now() || stopping_) {
            board_.expect_event(shard, event->time);
            co_return;
        }
        co_await handle_event(*event);
        while (ledgers_[shard]->waiting() > most_unwritten && !stopping_)
            co_await sleep_for(look_again);
    }
    if (page->more)
        if (const Result<Event> last = read_event_key(page->rows.back().key))
            board_.expect_event(shard, last->time);
}

Task<void> Queue::handle_event(Event event)
{
    const Result<Pin> pin = co_await obtain(event.item);
    const bool stray = pin ? board_.event_of(pin->work()) != event.time : pin.error() == ErrorCode::not_found;
    if (stray) {
        co_await forget_stray(event_key(event.time, event.item), event.item);
        co_return;
    }
    if (!pin) {
        report(LogLevel::alarm, event.item, "a queued message cannot be read; it stays as it is", pin.error());
        co_return;
    }
    const WorkPtr work = pin->work();
    Settlement settlement;
    settlement.work = work;
    std::vector<smtp::NoticeRecipient> told;
    const WallTime now = time_.now();
    WallTime next = never;
    for (std::size_t at = 0; at < work->entries.size(); ++at) {
        const Board::Taken taken = board_.take_or_tell(work, at);
        if (taken == Board::Taken::gone)
            continue;
        if (taken == Board::Taken::by_others) {
            next = std::min(next, now + while_taken);
            continue;
        }
        const Entry& entry = work->entries[at];
        const std::shared_ptr<const Policy> policy = policies_.of(entry.lane());
        const std::string reason = board_.backing_off(co_await destination_of(entry.lane()));
        const Late late = look_at(work->item, entry, *policy, now, reason);
        next = std::min(next, late.next);
        if (late.outcome.notice)
            told.push_back(*late.outcome.notice);
        if (late.unchanged)
            board_.put_back(work, at);
        else
            settlement.changes.push_back({at, late.outcome.stays});
    }
    settlement.next_event = std::max(next, now + Duration{1s});
    const bool complete = told.empty() || co_await add_notices(&settlement, {}, std::move(told));
    if (complete) {
        ledger_of(event.item).hand_in(std::move(settlement));
        co_return;
    }
    for (const Settlement::Change& change : settlement.changes)
        board_.put_back(work, change.at);
}

// What its lateness means for one entry. `reason`: why its destination is not tried.
Queue::Late Queue::look_at(const Item& item, const Entry& entry, const Policy& policy, WallTime now,
                           std::string reason) const
{
    Late late;
    const Attempted attempted{item, entry, policy, now, {}};
    if (entry.held) {
        late.unchanged = true;
        late.next = now + while_held;
        return late;
    }
    if (is_expired(item, policy, now)) {
        const std::optional<WallTime> by = return_by(item);
        const bool asked_back = by && !item.envelope.deliver_by->notify_only && now >= *by;
        const bool hopeless = !reason.empty() || (services_.carrier == nullptr && !entry.is_local());
        const bool has_had_its_chance = entry.attempts > 0 || hopeless || asked_back;
        if (has_had_its_chance && notices_.can_tell()) {
            smtp::RecipientFate fate = entry.last;
            fate.fate = smtp::Fate::deferred;
            if (fate.reason.empty())
                fate.reason = std::move(reason);
            if (asked_back && fate.status.empty())
                fate.status = "5.4.7";  // RFC 2852 section 3: delivery time expired
            late.outcome = judge_failed(attempted, std::move(fate));
            late.next = never;
            return late;
        }
        late.unchanged = entry.due <= now;
        late.next = now + for_a_last_attempt;
        if (!late.unchanged)
            late.outcome.stays.emplace(entry).due = now;
        return late;
    }
    late.outcome = judge_delay(attempted);
    if (late.outcome.notice && late.outcome.notice->fate.reason.empty())
        late.outcome.notice->fate.reason = std::move(reason);
    const Entry& after = *late.outcome.stays;
    late.unchanged = after.told_delay == entry.told_delay && after.told_by == entry.told_by;
    late.next = next_event(item, after, policy);
    return late;
}

}  // namespace posthouse::mta::queue
