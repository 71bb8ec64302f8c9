// The console's routing desk over the rooms: stored routes, and explanations as JSON.
#pragma once

#include "console/routing_desk.h"
#include "directory/routes.h"
#include "mta/route/explain.h"

#include <atomic>

namespace posthouse::app {

// Threads: any. Lifetime: what it is given outlives it.
class HouseRouting final : public console::RoutingDesk {
public:
    HouseRouting(directory::Routes& routes, directory::Directory& directory, smtp::Router& router,
                 const mta::route::RetryPlans* plans) :
        routes_(routes), directory_(directory), router_(router), plans_(plans)
    {
    }

    // Explanations are given from here on. Before, nobody serves, and what a message would meet is not known.
    void explain_with(smtp::Door& receive, smtp::Door& submission);

    Task<Result<boost::json::object>> routes() override;
    Task<Result<boost::json::object>> show_route(std::string domain) override;
    Task<Result<boost::json::object>> set_route(std::string domain, boost::json::object route) override;
    Task<Result<boost::json::object>> remove_route(std::string domain) override;
    Task<Result<boost::json::object>> explain(std::string from, std::vector<std::string> to) override;

private:
    directory::Routes& routes_;
    directory::Directory& directory_;
    smtp::Router& router_;
    const mta::route::RetryPlans* plans_;
    std::atomic<smtp::Door*> receive_ = nullptr;
    std::atomic<smtp::Door*> submission_ = nullptr;
};

}  // namespace posthouse::app
