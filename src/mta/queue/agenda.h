// Which lanes have rows on disk, and when the first of them is due: all that is remembered of entries
// that wait. A lane is a domain's entries, or, with an empty name, those for our own mailboxes.
//
// For each lane and shard a low mark is kept: no waiting row that is not in memory lies before it, so a
// scan begins there and never walks over what was erased (docs/design.md section 4).
//
// Threads: one at a time; the board has the mutex. Limits: some 250 bytes a lane.
#pragma once

#include "mta/queue/rows.h"

#include <array>
#include <set>
#include <unordered_map>

namespace posthouse::mta::queue {

class Agenda {
public:
    using Marks = std::array<WallTime, shards>;
    static constexpr WallTime nothing = WallTime::max();

    // A waiting row is there.
    void waits(std::string_view lane, std::uint64_t shard, WallTime due);

    // The first lane whose time has come. Its marks up to `now` go to the caller, who reads the rows
    // behind them and says anew what still waits; or gives them back with put_off().
    struct InHand {
        std::string lane;
        Marks marks;  // `nothing`: this shard has nothing due
    };
    std::optional<InHand> take(WallTime now);
    // Not before `until`; `nothing`: not until hurry() names it.
    void put_off(const InHand& lane, WallTime until);
    // Ends being put off.
    void hurry(std::string_view lane);

    WallTime first() const { return plan_.empty() ? nothing : plan_.begin()->first; }
    std::size_t lanes() const { return lanes_.size(); }

private:
    struct Lane {
        Marks marks;
        WallTime not_before{};
        WallTime planned = nothing;
        const std::string* name = nullptr;
    };
    void plan(Lane& lane);

    std::unordered_map<std::string, Lane> lanes_;
    std::set<std::pair<WallTime, Lane*>> plan_;
};

}  // namespace posthouse::mta::queue
