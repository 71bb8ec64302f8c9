// What the console asks about the ways mail takes: stored routes, and what would happen to a message. The
// roof puts directory/routes and mta/route behind it.
//
// Threads: any. Lifetime: outlives the API.
#pragma once

#include "base/result.h"
#include "base/task.h"

#include <string>
#include <vector>

#include <boost/json.hpp>

namespace posthouse::console {

class RoutingDesk {
public:
    virtual ~RoutingDesk() = default;
    // {routes: [{domain, host, port, tls, verifyCertificate, login}]}; never a password.
    virtual Task<Result<boost::json::object>> routes() = 0;
    virtual Task<Result<boost::json::object>> show_route(std::string domain) = 0;
    // {host, port, tls, verifyCertificate, login, password}: replaces the domain's route.
    virtual Task<Result<boost::json::object>> set_route(std::string domain, boost::json::object route) = 0;
    virtual Task<Result<boost::json::object>> remove_route(std::string domain) = 0;
    // Errors: malformed; unavailable where no server runs.
    virtual Task<Result<boost::json::object>> explain(std::string from, std::vector<std::string> to) = 0;
};

}  // namespace posthouse::console
