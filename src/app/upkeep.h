// What the console API asks of the roof: the store's backup and verification, and the state of the
// house.
#pragma once

#include "app/settings.h"
#include "console/api.h"
#include "mta/queue/queue.h"
#include "store/rocksdb/rocks_store.h"

namespace posthouse::app {

class HouseUpkeep final : public console::Upkeep {
public:
    HouseUpkeep(store::RocksStore& store, mta::queue::Queue& queue, Workers& workers) :
        store_(store), queue_(queue), workers_(workers)
    {
    }

    Task<Result<boost::json::object>> status() override;
    Task<Result<boost::json::object>> backup(std::string folder) override;
    Task<Result<boost::json::object>> verify() override;
    Task<Result<boost::json::object>> audit_queue() override;

    // What the server adds to the status: its name and where it listens. Once, before it serves.
    void serve_as(boost::json::object facts) { facts_ = std::move(facts); }

private:
    store::RocksStore& store_;
    mta::queue::Queue& queue_;
    Workers& workers_;
    boost::json::object facts_;
};

}  // namespace posthouse::app
