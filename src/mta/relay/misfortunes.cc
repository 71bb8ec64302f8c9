#include "mta/relay/misfortunes.h"

namespace posthouse::mta::relay {

void Misfortunes::note(Kind kind, const std::string& address, SteadyTime until)
{
    const std::scoped_lock lock(mutex_);
    auto& table = until_[static_cast<std::size_t>(kind)];
    if (table.size() >= most && !table.contains(address))
        table.clear();
    table[address] = until;
}

void Misfortunes::forget(Kind kind, const std::string& address)
{
    const std::scoped_lock lock(mutex_);
    until_[static_cast<std::size_t>(kind)].erase(address);
}

bool Misfortunes::has(Kind kind, const std::string& address, SteadyTime now) const
{
    const std::scoped_lock lock(mutex_);
    const auto& table = until_[static_cast<std::size_t>(kind)];
    const auto found = table.find(address);
    return found != table.end() && found->second > now;
}

}  // namespace posthouse::mta::relay
