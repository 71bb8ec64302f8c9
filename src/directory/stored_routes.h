// Routes over the store.
#pragma once

#include "directory/cached_rows.h"
#include "directory/routes.h"

namespace posthouse::directory {

// Threads: any. Lifetime: ids outlive it.
class StoredRoutes final : public Routes {
public:
    StoredRoutes(std::shared_ptr<CachedRows> rows, IdSource& ids) : rows_(std::move(rows)), ids_(ids) { }

    Task<Result<std::optional<StoredRoute>>> route_of(std::string domain) override;
    Task<Result<void>> set_route(StoredRoute route) override;
    Task<Result<void>> remove_route(std::string domain) override;
    Task<Result<std::vector<StoredRoute>>> routes() override;

private:
    Task<Result<std::optional<StoredRoute>>> read(std::string domain);
    Task<Result<void>> commit(store::Batch batch);

    std::shared_ptr<CachedRows> rows_;
    IdSource& ids_;
};

}  // namespace posthouse::directory
