#include "mta/route/ourselves.h"

#include "base/text.h"

namespace posthouse::mta::route {

Ourselves::Ourselves(std::string host_name, const std::vector<net::Endpoint>& listening,
                     const std::vector<std::string>& machine) :
    host_name_(to_lower(host_name))
{
    for (const net::Endpoint& at : listening) {
        const bool is_wildcard = at.address == "0.0.0.0" || at.address == "::";
        if (!is_wildcard) {
            endpoints_.emplace(at.address, at.port);
            continue;
        }
        const bool is_v6 = at.address == "::";
        endpoints_.emplace(at.address, at.port);  // whoever connects to "any address" reaches this machine
        if (!is_v6)
            everywhere_v4_.insert(at.port);
        for (const std::string& address : machine)
            if (address.contains(':') == is_v6)
                endpoints_.emplace(address, at.port);
    }
}

bool Ourselves::is_at(const std::string& address, std::uint16_t port) const
{
    return endpoints_.contains({address, port}) || (address.starts_with("127.") && everywhere_v4_.contains(port));
}

}  // namespace posthouse::mta::route
