// Ids: numbers that rise with time, never repeat, and read well aloud.
//
// 48 bits of milliseconds, then 16 bits that count within the millisecond and start at random.
// Monotonic within one IdSource also when the clock steps back. As text: 13 characters of
// Crockford's base 32 in lower case (0-9 a-z without i l o u), leading zeros kept.
#pragma once

#include "base/random.h"
#include "base/time.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthouse {

using Id = std::uint64_t;

// Threads: any. Lifetime: the clock and the random source outlive it.
class IdSource {
public:
    IdSource(const Clock& clock, Random& random) : clock_(clock), random_(random) { }
    Id next();
    // After a restart: never give out anything up to `last` again.
    void rise_above(Id last);

private:
    const Clock& clock_;
    Random& random_;
    std::atomic<Id> last_{0};
};

std::string id_text(Id id);
std::optional<Id> parse_id(std::string_view text);  // either case; exactly 13 characters

}  // namespace posthouse
