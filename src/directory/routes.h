// Stored routes: where mail for a domain goes instead of where its MX records say. Data, changed while
// the server runs.
//
// Threads: every member from any loop. Lookups answer from the directory's cache.
#pragma once

#include "base/result.h"
#include "base/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posthouse::directory {

enum class RouteTls : std::uint8_t {  // stored: the numbers stay
    opportunistic = 0,  // STARTTLS where offered
    required = 1,  // STARTTLS, or nothing is sent
    none = 2,
    implicit = 3,  // TLS from the first byte
};
std::string_view to_string(RouteTls tls);
std::optional<RouteTls> route_tls(std::string_view name);

struct StoredRoute {
    std::string domain;  // "*": every domain that has no route of its own
    std::string host;  // a name (lower case) or an IP address
    std::uint16_t port = 0;
    RouteTls tls = RouteTls::opportunistic;
    bool verify_certificate = false;  // it must be valid for the host's name
    std::string login;  // empty: none
    std::string password;
};

inline constexpr std::string_view all_domains = "*";

class Routes {
public:
    virtual ~Routes() = default;
    // The domain's own, else that for all. `domain` in any spelling; not one of ours (nobody asks for those).
    virtual Task<Result<std::optional<StoredRoute>>> route_of(std::string domain) = 0;

    // Replaces the route of that domain. Errors: malformed (the text says why).
    virtual Task<Result<void>> set_route(StoredRoute route) = 0;
    virtual Task<Result<void>> remove_route(std::string domain) = 0;  // not_found
    virtual Task<Result<std::vector<StoredRoute>>> routes() = 0;
};

}  // namespace posthouse::directory
