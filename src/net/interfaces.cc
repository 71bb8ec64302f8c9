#include "net/interfaces.h"

#include "net/endpoint.h"

#include <cstring>
#include <memory>

#include <ifaddrs.h>
#include <netinet/in.h>

namespace posthouse::net {

std::vector<std::string> interface_addresses()
{
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0)
        return {};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
    std::vector<std::string> out;
    for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
        if (at->ifa_addr == nullptr || (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
            continue;
        SocketAddress address;
        address.length = at->ifa_addr->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        std::memcpy(&address.storage, at->ifa_addr, address.length);
        out.push_back(to_endpoint(address).address);
    }
    return out;
}

}  // namespace posthouse::net
