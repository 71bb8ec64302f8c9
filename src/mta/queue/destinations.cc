#include "mta/queue/destinations.h"

#include "mta/queue/agenda.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

// Ten messages for one host go over one connection; only a longer line gets another.
constexpr std::size_t jobs_a_connection = 10;
// … or one whose shipment does not end.
constexpr auto stuck_after = 2s;
constexpr auto look_again_when_full = 5s;
constexpr auto idle_memory = 1h;

std::size_t content_of(const Job& job) { return job.letter.content.bytes ? job.letter.content.bytes->size() : 0; }

}  // namespace

Destination& Destinations::at(const std::string& name)
{
    std::unique_ptr<Destination>& found = all_[name];
    if (!found) {
        found = std::make_unique<Destination>();
        found->name = name;
        found->answers = name.empty();
        found->policy = std::make_shared<const Policy>();
    }
    return *found;
}

const Destination* Destinations::find(const std::string& name) const
{
    const auto found = all_.find(name);
    return found == all_.end() ? nullptr : found->second.get();
}

Destinations::Room Destinations::room(const std::string& name, const std::string& lane, const Now& now)
{
    Destination& destination = at(name);
    if (now.queue < destination.not_before)
        return {0, destination.not_before};
    // Where nobody is known to answer, one job finds out.
    const std::size_t window = destination.answers ? limits_.window : 1;
    if (destination.ready.size() + (destination.answers ? 0 : destination.running) >= window) {
        destination.parked.insert(lane);
        return {0, Agenda::nothing};
    }
    if (ready_ >= limits_.ready_from_disk && !destination.answers)
        return {0, now.queue + look_again_when_full};
    return {window - destination.ready.size(), {}};
}

bool Destinations::offer(const std::string& name, std::shared_ptr<const Policy> policy, Job& job, const Now& now)
{
    Destination& destination = at(name);
    destination.policy = std::move(policy);
    const bool too_many = ready_ >= limits_.ready && !destination.is_local();
    if (now.queue < destination.not_before || too_many)
        return false;
    const std::size_t bytes = content_of(job);
    if (content_ + bytes > limits_.content_bytes && !destination.is_local())
        job.letter = {};  // read again when its turn comes
    content_ += content_of(job);
    ++ready_;
    const int priority = job.work->item.envelope.priority;
    destination.ready.emplace(std::pair(-priority, ++sequence_), std::move(job));
    list(destination, now);
    return true;
}

unsigned Destinations::allowed(const Destination& destination, const Now& now) const
{
    if (destination.is_local())
        return limits_.local;
    if (!destination.answers)
        return 1;
    const bool stuck = destination.running > 0 && now.steady - destination.last_begun >= stuck_after;
    const auto by_length = static_cast<unsigned>(1 + (destination.ready.size() - 1) / jobs_a_connection);
    return std::min(destination.policy->connections, std::max(by_length, stuck ? destination.running + 1 : 0));
}

bool Destinations::is_hungry(const Destination& destination, const Now& now) const
{
    return !destination.ready.empty() && now.queue >= destination.not_before && now.steady >= destination.next_slot &&
        destination.running < allowed(destination, now);
}

// Into the line of those that wait for a place, or into the list of those to look at later.
void Destinations::list(Destination& destination, const Now& now)
{
    if (destination.listed || destination.ready.empty() || now.queue < destination.not_before)
        return;
    if (now.steady < destination.next_slot)
        return look_later(destination, destination.next_slot);
    if (!is_hungry(destination, now)) {
        if (destination.answers)
            look_later(destination, destination.last_begun + stuck_after);
        return;
    }
    destination.listed = true;
    (destination.is_local()    ? local_line_
         : destination.answers ? answering_line_
                               : trying_line_)
        .push_back(&destination);
}

void Destinations::look_later(Destination& destination, SteadyTime when)
{
    if (std::exchange(destination.remembered, true))
        return;
    later_.emplace(when, destination.name);
}

Destination* Destinations::first_hungry(std::list<Destination*>& line, bool newest, const Now& now)
{
    while (!line.empty()) {
        Destination* destination = newest ? line.back() : line.front();
        newest ? line.pop_back() : line.pop_front();
        destination->listed = false;
        if (is_hungry(*destination, now))
            return destination;
        list(*destination, now);
    }
    return nullptr;
}

void Destinations::count_slow(const Now& now)
{
    while (!trying_.empty() && now.steady - trying_.front()->since >= limits_.slow_after) {
        trying_.front()->slow = true;
        trying_.pop_front();
        ++slow_;
    }
}

SlotPtr Destinations::begin(const Now& now)
{
    while (!later_.empty() && later_.begin()->first <= now.steady) {
        const std::string name = later_.begin()->second;
        later_.erase(later_.begin());
        const auto found = all_.find(name);
        if (found == all_.end())
            continue;
        found->second->remembered = false;
        list(*found->second, now);
    }
    count_slow(now);
    if (Destination* local = first_hungry(local_line_, false, now))
        return occupy(std::make_shared<Slot>(), *local, now);
    if (answering_ < limits_.answering)
        if (Destination* answering = first_hungry(answering_line_, false, now))
            return occupy(std::make_shared<Slot>(), *answering, now);
    const bool places = trying_.size() < limits_.trying && slow_ < limits_.slow;
    if (!places && now.steady < next_trickle_)
        return nullptr;
    Destination* trying = first_hungry(trying_line_, std::exchange(newest_, !newest_), now);
    if (trying == nullptr)
        return nullptr;
    if (!places)
        next_trickle_ = now.steady + limits_.trickle;
    return occupy(std::make_shared<Slot>(), *trying, now);
}

SlotPtr Destinations::occupy(SlotPtr slot, Destination& destination, const Now& now)
{
    slot->destination = &destination;
    slot->since = now.steady;
    slot->trying = !destination.answers;
    slot->slow = false;
    ++destination.running;
    destination.last_begun = now.steady;
    if (slot->trying)
        slot->place = trying_.insert(trying_.end(), slot);
    else
        ++(destination.is_local() ? local_ : answering_);
    list(destination, now);  // whether there is work for one more
    return slot;
}

void Destinations::vacate(Slot& slot)
{
    --slot.destination->running;
    if (!slot.trying)
        --(slot.destination->is_local() ? local_ : answering_);
    else if (slot.slow)
        --slow_;
    else
        trying_.erase(slot.place);
}

std::optional<Job> Destinations::take(const SlotPtr& slot, const Now& now)
{
    Destination& destination = *slot->destination;
    count_slow(now);
    vacate(*slot);
    if (!is_hungry(destination, now)) {
        list(destination, now);
        unpark(destination);
        return std::nullopt;
    }
    // The last place goes to who waits for one, in turn.
    const bool others_wait = destination.answers && !destination.is_local() && !answering_line_.empty();
    if (slot->has_served && others_wait && answering_ + 1 >= limits_.answering) {
        list(destination, now);
        return std::nullopt;
    }
    const auto first = destination.ready.begin();
    Job job = std::move(first->second);
    destination.ready.erase(first);
    take_out(destination, job);
    if (destination.policy->per_minute > 0)
        destination.next_slot =
            std::max(destination.next_slot, now.steady) + Duration{60s} / destination.policy->per_minute;
    occupy(slot, destination, now);
    slot->has_served = true;
    return job;
}

// What leaves a ready list makes room.
void Destinations::take_out(Destination& destination, const Job& job)
{
    --ready_;
    content_ -= std::min(content_, content_of(job));
    unpark(destination);
}

void Destinations::unpark(Destination& destination)
{
    const bool has_room = destination.answers ? destination.ready.size() < limits_.window / 2
                                              : destination.ready.empty() && destination.running == 0;
    if (!has_room || destination.parked.empty())
        return;
    unparked_.insert(unparked_.end(), destination.parked.begin(), destination.parked.end());
    destination.parked.clear();
}

std::vector<Job> Destinations::failed(const std::string& name, std::string reason, WallTime until)
{
    Destination& destination = at(name);
    if (until > destination.not_before) {
        ++destination.failures;
        destination.not_before = until;
    }
    destination.answers = destination.is_local();
    destination.reason = std::move(reason);
    std::vector<Job> back;
    while (!destination.ready.empty()) {
        back.push_back(std::move(destination.ready.begin()->second));
        destination.ready.erase(destination.ready.begin());
        take_out(destination, back.back());
    }
    unparked_.insert(unparked_.end(), destination.parked.begin(), destination.parked.end());
    destination.parked.clear();
    return back;
}

void Destinations::answered(const std::string& name, const Now& now)
{
    Destination& destination = at(name);
    const bool had_failed = destination.failures > 0;
    destination.answers = true;
    destination.failures = 0;
    destination.not_before = {};
    if (had_failed)
        destination.reason.clear();
    unpark(destination);
    if (destination.listed) {  // it is in the other line, which may be long
        trying_line_.remove(&destination);
        destination.listed = false;
    }
    list(destination, now);
}

void Destinations::forgive(const std::string& name, const Now& now)
{
    const auto found = all_.find(name);
    if (found == all_.end())
        return;
    found->second->not_before = {};
    list(*found->second, now);
}

SteadyTime Destinations::next_look(const Now& now) const
{
    SteadyTime next = later_.empty() ? SteadyTime::max() : later_.begin()->first;
    if (!trying_line_.empty())
        next = std::min(next, std::max(next_trickle_, now.steady + limits_.trickle));
    return next;
}

void Destinations::forget_idle(const Now& now)
{
    std::erase_if(all_, [&](const auto& each) {
        const Destination& destination = *each.second;
        const bool idle = destination.running == 0 && destination.ready.empty() && destination.parked.empty() &&
            !destination.listed && !destination.remembered;
        return idle && now.steady - destination.last_begun > idle_memory &&
            now.queue > destination.not_before + Duration{idle_memory};
    });
}

}  // namespace posthouse::mta::queue
