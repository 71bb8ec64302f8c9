// Which hosts are this server: mail for a domain that is not ours must not be carried to ourselves, or
// it goes round (RFC 5321 section 5.1, RFC 7504 aside).
#pragma once

#include "net/wire.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::mta::route {

// Threads: any, once made.
class Ourselves {
public:
    // `listening`: where mail is taken from the world. A wildcard stands for all of `machine`, the
    // addresses of this machine.
    Ourselves(std::string host_name, const std::vector<net::Endpoint>& listening,
              const std::vector<std::string>& machine);

    bool is_name(std::string_view host) const { return host == host_name_; }
    bool is_at(const std::string& address, std::uint16_t port) const;

private:
    std::string host_name_;  // lower case
    std::set<std::pair<std::string, std::uint16_t>> endpoints_;
    std::set<std::uint16_t> everywhere_v4_;  // ports on all of 127.0.0.0/8 too
};

}  // namespace posthouse::mta::route
