#include "directory/stored_routes.h"

#include "base/text.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace posthouse::directory {

namespace {

constexpr std::size_t most_routes = 100'000;
constexpr std::size_t longest_secret = 1'000;  // bytes

constexpr std::array tls_names{
    std::pair{RouteTls::opportunistic, "opportunistic"},
    std::pair{RouteTls::required, "required"},
    std::pair{RouteTls::none, "none"},
    std::pair{RouteTls::implicit, "implicit"},
};

Result<std::string> normal_route_domain(const std::string& domain)
{
    return domain == all_domains ? Result<std::string>(domain) : normal_domain(domain);
}

bool is_ip_address(const std::string& host)
{
    std::array<unsigned char, sizeof(in6_addr)> scratch{};
    return ::inet_pton(AF_INET, host.c_str(), scratch.data()) == 1 ||
        ::inet_pton(AF_INET6, host.c_str(), scratch.data()) == 1;
}

Result<void> check(const StoredRoute& route)
{
    const auto has_control = [](const std::string& text) { return std::ranges::any_of(text, is_control); };
    if (route.port == 0)
        return fail(ErrorCode::malformed, "the port must be from 1 to 65535");
    if (route.login.empty() != route.password.empty())
        return fail(ErrorCode::malformed, "a login needs a name and a password");
    if (route.login.size() > longest_secret || route.password.size() > longest_secret || has_control(route.login) ||
        has_control(route.password))
        return fail(ErrorCode::malformed, "the login is too long or has control characters");
    if (!route.login.empty() && (route.tls == RouteTls::none || route.tls == RouteTls::opportunistic))
        return fail(ErrorCode::malformed, "a password does not travel in the clear: TLS must be required or implicit");
    if (route.verify_certificate && (route.tls == RouteTls::none || route.tls == RouteTls::opportunistic))
        return fail(ErrorCode::malformed, "a certificate is verified only where TLS is required or implicit");
    return {};
}

}  // namespace

std::string_view to_string(RouteTls tls)
{
    for (const auto& [value, name] : tls_names)
        if (value == tls)
            return name;
    return "opportunistic";
}

std::optional<RouteTls> route_tls(std::string_view name)
{
    for (const auto& [value, its_name] : tls_names)
        if (its_name == name)
            return value;
    return {};
}

Task<Result<std::optional<StoredRoute>>> StoredRoutes::read(std::string domain)
{
    const Result<RowPtr> row = co_await rows_->read(route_key(domain));
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return std::optional<StoredRoute>();
    Result<StoredRoute> route = decode<StoredRoute>(**row);
    if (!route)
        co_return fail(route.error());
    route->domain = std::move(domain);
    co_return std::optional(std::move(*route));
}

Task<Result<std::optional<StoredRoute>>> StoredRoutes::route_of(std::string domain)
{
    const Result<std::string> normal = normal_domain(domain);
    if (normal) {
        Result<std::optional<StoredRoute>> own = co_await read(*normal);
        if (!own || *own)
            co_return own;
    }
    co_return co_await read(std::string(all_domains));
}

// Each change stands for itself: whatever was there is replaced or gone, so there is nothing to check.
Task<Result<void>> StoredRoutes::commit(store::Batch batch)
{
    batch.partition = partition;
    batch.id = ids_.next();
    batch.purpose = store::Purpose::upkeep;
    const store::Outcome outcome = co_await rows_->commit(std::move(batch));
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    co_return Result<void>{};
}

Task<Result<void>> StoredRoutes::set_route(StoredRoute route)
{
    Result<std::string> domain = normal_route_domain(route.domain);
    if (!domain)
        co_return fail(domain.error());
    if (!is_ip_address(route.host)) {
        Result<std::string> host = normal_domain(route.host);
        if (!host)
            co_return fail(ErrorCode::malformed, "the host is neither a name nor an IP address");
        route.host = std::move(*host);
    }
    if (const Result<void> good = check(route); !good)
        co_return good;
    store::Batch batch;
    batch.puts.push_back({route_key(*domain), encode(route)});
    co_return co_await commit(std::move(batch));
}

Task<Result<void>> StoredRoutes::remove_route(std::string domain)
{
    const Result<std::string> normal = normal_route_domain(domain);
    if (!normal)
        co_return fail(normal.error());
    const Result<std::optional<StoredRoute>> stored = co_await read(*normal);
    if (!stored)
        co_return fail(stored.error());
    if (!*stored)
        co_return fail(ErrorCode::not_found, fmt::format("there is no stored route for {}", *normal));
    store::Batch batch;
    batch.erases.push_back({route_key(*normal)});
    co_return co_await commit(std::move(batch));
}

Task<Result<std::vector<StoredRoute>>> StoredRoutes::routes()
{
    const Result<std::vector<store::Row>> rows = co_await rows_->scan(route_range(), most_routes);
    if (!rows)
        co_return fail(rows.error());
    std::vector<StoredRoute> out;
    for (const store::Row& row : *rows) {
        Result<StoredRoute> route = decode<StoredRoute>(row.value);
        if (!route)
            co_return fail(route.error());
        store::KeyReader key(row.key);
        key.u8();
        route->domain = key.text();
        out.push_back(std::move(*route));
    }
    co_return out;
}

}  // namespace posthouse::directory
