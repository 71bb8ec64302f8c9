// The queue as the console sees it.
#pragma once

#include "console/queue_desk.h"
#include "directory/directory.h"
#include "mta/queue/queue.h"
#include "smtp/router.h"

namespace posthouse::app {

class HouseQueueDesk final : public console::QueueDesk {
public:
    // `router` null: nothing leaves the house.
    HouseQueueDesk(mta::queue::Queue& queue, directory::Directory& directory, smtp::Router* router) :
        queue_(queue), directory_(directory), router_(router)
    {
    }

    Task<Result<boost::json::object>> list(std::string domain) override;
    Task<Result<boost::json::object>> items(std::string domain, std::size_t most) override;
    Task<Result<boost::json::object>> show(std::string id) override;
    Task<Result<boost::json::object>> act(Act act) override;
    Task<Result<boost::json::object>> routes() override;
    Task<Result<boost::json::object>> policies() override;
    Task<Result<boost::json::object>> set_policy(std::string domain, boost::json::object policy) override;
    Task<Result<boost::json::object>> remove_policy(std::string domain) override;

private:
    struct Group;
    Task<Result<void>> may_act(mta::queue::ItemId item, std::string account);
    boost::json::object to_json(const mta::queue::Queue::Waiting& waiting) const;

    mta::queue::Queue& queue_;
    directory::Directory& directory_;
    smtp::Router* router_;
};

}  // namespace posthouse::app
