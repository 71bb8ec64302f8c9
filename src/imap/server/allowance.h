// What a client may do so many times at once, and once more each time a while has gone by: for commands that no client
// has to repeat, so that repeating them costs its session and not the house.
#pragma once

#include "base/time.h"

#include <algorithm>

namespace posthouse::imap {

class Allowance {
public:
    constexpr Allowance(unsigned most, Duration each) : most_(most), each_(each) { }

    // False: it is used up for now.
    bool take(SteadyTime now)
    {
        const SteadyTime full = std::max(full_at_, now) + each_;
        if (full - now > most_ * each_)
            return false;
        full_at_ = full;
        return true;
    }

private:
    unsigned most_;
    Duration each_;
    SteadyTime full_at_;  // when nothing of it will be missing
};

}  // namespace posthouse::imap
