#include "directory/guesses.h"

#include <algorithm>

#include <arpa/inet.h>

namespace posthouse::directory {

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

Guesses::Ticket Guesses::ask(std::string_view address, std::string_view account)
{
    const std::string origin = guess_origin(address);
    Ticket ticket;
    ticket.pair = hash_("pair " + origin + ' ' + std::string(account));
    const std::scoped_lock lock(mutex_);
    const SteadyTime now = clock_.steady();
    const SteadyTime* known = known_.find(ticket.pair);
    if (known && *known > now) {
        ticket.measures[0] = ticket.measures[1] = ticket.pair;
    } else {
        ticket.measures[0] = hash_("address " + origin);
        ticket.measures[1] = hash_("account " + std::string(account));
    }
    ticket.wait = std::max(wait_of(ticket.measures[0], now), wait_of(ticket.measures[1], now));
    if (ticket.wait > limits_.slowest) {
        ticket.is_refused = true;
        return ticket;
    }
    charge(ticket.measures[0], now);
    if (ticket.measures[1] != ticket.measures[0])
        charge(ticket.measures[1], now);
    return ticket;
}

void Guesses::give_back(const Ticket& ticket)
{
    if (ticket.is_refused)
        return;
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < 2; ++i) {
        if (i == 1 && ticket.measures[1] == ticket.measures[0])
            break;
        if (SteadyTime* paid = measures_.find(ticket.measures[i]))
            *paid -= limits_.per_guess;
    }
}

void Guesses::succeeded(const Ticket& ticket)
{
    give_back(ticket);
    const std::scoped_lock lock(mutex_);
    known_.put(ticket.pair, clock_.steady() + known_for);
}

}  // namespace posthouse::directory
