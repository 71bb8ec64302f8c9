// How often somebody may guess a password (HOSTILE A22): a few at once, then one each second, per
// address (IPv6: /64) and per account. A guess over that waits for its turn; where too many wait
// already it is refused unheard. Right passwords cost nothing: while some are looked at whose price may come back, the
// next are asked to wait (is_crowded), so that a whole office may log in at once.
//
// A pair of address and account that has succeeded within 30 days has a measure of its own instead,
// so that a flood of guesses, from elsewhere or from behind the same address, does not lock the
// right person out.
//
// Each measure is a moment up to which its guesses are paid for (the "generic cell rate algorithm").
// Names are kept as keyed hashes only. Bounded: past 65,536 measures the least used go.
//
// Threads: any.
#pragma once

#include "base/generations.h"
#include "base/keyed_hash.h"
#include "base/time.h"

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace posthouse::directory {

struct GuessLimits {
    unsigned at_once = 5;
    Duration per_guess = 1s;
    Duration slowest = 5s;
};

class Guesses {
public:
    Guesses(const Clock& clock, HashKey key, GuessLimits limits) :
        clock_(clock), hash_(key), limits_(limits), measures_(65'536), known_(65'536)
    {
    }

    // One guess that was let in or refused. Paid for already: give it back where it was none.
    struct Ticket {
        bool is_refused = false;
        Duration wait{};  // before the password is looked at
        std::uint64_t measures[2] = {0, 0};
        std::uint64_t pair = 0;
    };
    // `account` also names accounts that do not exist: no difference may show.
    Ticket ask(std::string_view address, std::string_view account);
    // Is there no room for one more only because of guesses that are still looked at?
    bool is_crowded(std::string_view address, std::string_view account);
    // Lives while a guess is looked at. The Guesses and the ticket must outlive it.
    class Looking {
    public:
        Looking(Guesses& guesses, const Ticket& ticket) : guesses_(guesses), ticket_(ticket)
        {
            guesses_.looking(ticket_, 1);
        }
        ~Looking() { guesses_.looking(ticket_, -1); }
        Looking(const Looking&) = delete;
        Looking& operator=(const Looking&) = delete;

    private:
        Guesses& guesses_;
        const Ticket& ticket_;
    };
    void succeeded(const Ticket& ticket);
    void give_back(const Ticket& ticket);  // was not looked at

private:
    static constexpr Duration known_for = std::chrono::days(30);

    Ticket measure(std::string_view address, std::string_view account, SteadyTime now);
    void looking(const Ticket& ticket, int more);
    Duration wait_of(std::uint64_t measure, SteadyTime now);
    void charge(std::uint64_t measure, SteadyTime now);

    const Clock& clock_;
    KeyedHash hash_;
    GuessLimits limits_;
    std::mutex mutex_;
    Generations<std::uint64_t, SteadyTime> measures_;  // paid up to
    Generations<std::uint64_t, SteadyTime> known_;  // until
    std::unordered_map<std::uint64_t, int> looked_at_;  // by measure; as many as logins under way
};

// What guesses from an address are counted under: IPv6 its /64, else itself.
std::string guess_origin(std::string_view address);

}  // namespace posthouse::directory
