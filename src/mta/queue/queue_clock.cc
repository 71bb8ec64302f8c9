#include "mta/queue/queue_clock.h"

#include "base/codec.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr std::uint8_t version = 1;
constexpr auto look_again = std::chrono::minutes{1};
constexpr auto tolerance = std::chrono::seconds{1};

}  // namespace

QueueClock::QueueClock(const Clock& clock) :
    clock_(clock), time_(clock.now()), wall_(time_), steady_(clock.steady()) { }

// The three are looked at anew once a minute and at each jump, not at each question: the difference of
// two readings has an error, and the larger of two differences would add it up.
void QueueClock::follow() const
{
    const WallTime wall = clock_.now();
    const SteadyTime steady = clock_.steady();
    const auto passed = std::chrono::floor<Duration>(steady - steady_);
    const Duration shown = wall - wall_;
    const bool jumped = shown > passed + tolerance || shown < passed - tolerance;
    if (!jumped && passed < look_again)
        return;
    time_ += std::clamp(shown, passed, passed + most_jump);
    wall_ = wall;
    steady_ = steady;
}

WallTime QueueClock::now() const
{
    const std::scoped_lock lock(mutex_);
    follow();
    return time_ + std::chrono::floor<Duration>(clock_.steady() - steady_);
}

WallTime QueueClock::to_wall(WallTime queue_time) const
{
    const std::scoped_lock lock(mutex_);
    follow();
    return queue_time + (wall_ - time_);
}

WallTime QueueClock::from_wall(WallTime wall) const
{
    const std::scoped_lock lock(mutex_);
    follow();
    return wall - (wall_ - time_);
}

std::string QueueClock::write() const
{
    const std::scoped_lock lock(mutex_);
    follow();
    const Duration passed = std::chrono::floor<Duration>(clock_.steady() - steady_);
    Writer out;
    out.u8(version);
    out.signed_varint((time_ + passed).time_since_epoch().count());
    out.signed_varint((wall_ + passed).time_since_epoch().count());
    return out.take();
}

bool QueueClock::resume(std::string_view kept)
{
    Reader in(kept);
    const bool known = in.u8() >= version;
    const WallTime time{Duration{in.signed_varint()}};
    const WallTime wall{Duration{in.signed_varint()}};
    if (!known || !in.ok())
        return false;
    const std::scoped_lock lock(mutex_);
    wall_ = clock_.now();
    steady_ = clock_.steady();
    time_ = time + std::clamp(Duration{wall_ - wall}, Duration{0}, most_jump);
    return true;
}

}  // namespace posthouse::mta::queue
