#include "directory/guesses.h"

#include <algorithm>
#include <span>

#include <arpa/inet.h>

namespace posthouse::directory {

namespace {

// A pair that is known has one measure, else there are two.
std::span<const std::uint64_t> measures_of(const Guesses::Ticket& ticket)
{
    return std::span(ticket.measures).first(ticket.measures[0] == ticket.measures[1] ? 1 : 2);
}

}  // namespace

std::string guess_origin(std::string_view address)
{
    const std::string text(address);
    char bytes[16];
    if (inet_pton(AF_INET6, text.c_str(), bytes) == 1)
        return "6:" + std::string(bytes, 8);
    return text;
}

Duration Guesses::wait_of(std::uint64_t measure, SteadyTime now)
{
    const SteadyTime* paid = measures_.find(measure);
    if (!paid)
        return Duration::zero();
    const auto free = limits_.per_guess * (std::max(limits_.at_once, 1u) - 1);
    return std::max(Duration::zero(), std::chrono::ceil<Duration>(*paid - now) - free);
}

void Guesses::charge(std::uint64_t measure, SteadyTime now)
{
    const SteadyTime* paid = measures_.find(measure);
    measures_.put(measure, std::max(paid ? *paid : now, now) + limits_.per_guess);
}

Guesses::Ticket Guesses::measure(std::string_view address, std::string_view account, SteadyTime now)
{
    const std::string origin = guess_origin(address);
    Ticket ticket;
    ticket.pair = hash_("pair " + origin + ' ' + std::string(account));
    const SteadyTime* known = known_.find(ticket.pair);
    if (known && *known > now) {
        ticket.measures[0] = ticket.measures[1] = ticket.pair;
    } else {
        ticket.measures[0] = hash_("address " + origin);
        ticket.measures[1] = hash_("account " + std::string(account));
    }
    return ticket;
}

bool Guesses::is_crowded(std::string_view address, std::string_view account)
{
    const std::scoped_lock lock(mutex_);
    const SteadyTime now = clock_.steady();
    const Ticket ticket = measure(address, account, now);
    bool crowded = false;
    for (const std::uint64_t one : measures_of(ticket)) {
        const Duration wait = wait_of(one, now);
        const auto looked_at = looked_at_.find(one);
        const int may_come_back = looked_at == looked_at_.end() ? 0 : looked_at->second;
        if (wait > limits_.per_guess * may_come_back)
            return false;  // it would have to wait in any case
        crowded = crowded || wait > Duration::zero();
    }
    return crowded;
}

void Guesses::looking(const Ticket& ticket, int more)
{
    if (ticket.is_refused)
        return;
    const std::scoped_lock lock(mutex_);
    for (const std::uint64_t one : measures_of(ticket))
        if ((looked_at_[one] += more) <= 0)
            looked_at_.erase(one);
}

Guesses::Ticket Guesses::ask(std::string_view address, std::string_view account)
{
    const std::scoped_lock lock(mutex_);
    const SteadyTime now = clock_.steady();
    Ticket ticket = measure(address, account, now);
    ticket.wait = std::max(wait_of(ticket.measures[0], now), wait_of(ticket.measures[1], now));
    if (ticket.wait > limits_.slowest) {
        ticket.is_refused = true;
        return ticket;
    }
    for (const std::uint64_t one : measures_of(ticket))
        charge(one, now);
    return ticket;
}

void Guesses::give_back(const Ticket& ticket)
{
    if (ticket.is_refused)
        return;
    const std::scoped_lock lock(mutex_);
    for (const std::uint64_t one : measures_of(ticket))
        if (SteadyTime* paid = measures_.find(one))
            *paid -= limits_.per_guess;
}

void Guesses::succeeded(const Ticket& ticket)
{
    give_back(ticket);
    const std::scoped_lock lock(mutex_);
    known_.put(ticket.pair, clock_.steady() + known_for);
}

}  // namespace posthouse::directory
