#include "mta/queue/agenda.h"

#include <algorithm>

namespace posthouse::mta::queue {

void Agenda::waits(std::string_view lane, std::uint64_t shard, WallTime due)
{
    if (due >= never)  // held: only a command leads back to it
        return;
    const auto [place, is_new] = lanes_.try_emplace(std::string(lane));
    Lane& known = place->second;
    if (is_new) {
        known.marks.fill(nothing);
        known.name = &place->first;
    }
    if (due >= known.marks[shard])
        return;
    known.marks[shard] = due;
    plan(known);
}

// Its place in the order of time.
void Agenda::plan(Lane& lane)
{
    const WallTime first = *std::ranges::min_element(lane.marks);
    const WallTime planned = first == nothing ? nothing : std::max(first, lane.not_before);
    if (planned == lane.planned)
        return;
    if (lane.planned != nothing)
        plan_.erase({lane.planned, &lane});
    lane.planned = planned;
    if (planned != nothing)
        plan_.emplace(planned, &lane);
}

std::optional<Agenda::InHand> Agenda::take(WallTime now)
{
    if (first() > now || plan_.empty())
        return std::nullopt;
    Lane& lane = *plan_.begin()->second;
    InHand taken{*lane.name, {}};
    taken.marks.fill(nothing);
    for (std::size_t shard = 0; shard < shards; ++shard)
        if (lane.marks[shard] <= now)
            taken.marks[shard] = std::exchange(lane.marks[shard], nothing);
    lane.not_before = {};
    plan(lane);
    if (std::ranges::all_of(lane.marks, [](WallTime mark) { return mark == nothing; }))
        lanes_.erase(taken.lane);
    return taken;
}

void Agenda::put_off(const InHand& lane, WallTime until)
{
    for (std::size_t shard = 0; shard < shards; ++shard)
        if (lane.marks[shard] != nothing)
            waits(lane.lane, shard, lane.marks[shard]);
    const auto found = lanes_.find(lane.lane);
    if (found == lanes_.end())
        return;
    found->second.not_before = until;
    plan(found->second);
}

void Agenda::hurry(std::string_view lane)
{
    const auto found = lanes_.find(std::string(lane));
    if (found == lanes_.end())
        return;
    found->second.not_before = {};
    plan(found->second);
}

}  // namespace posthouse::mta::queue
