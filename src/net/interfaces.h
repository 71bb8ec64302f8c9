// The addresses this machine has.
#pragma once

#include <string>
#include <vector>

namespace posthouse::net {

// Of all interfaces, loopback included, as text; empty where the system does not tell.
std::vector<std::string> interface_addresses();

}  // namespace posthouse::net
