#include "mta/relay/relay.h"

namespace posthouse::mta::relay {

Relay::Relay(Services services, Settings settings) :
    services_(services),
    settings_(std::move(settings)),
    approach_services_{services.clock,           services.random,           services.ids, services.recorder,
                       services.any_certificate, services.good_certificate, misfortunes_},
    tasks_([&log = services.log](std::string_view name, std::string_view what) {
        log.write(LogLevel::error, "mta/relay", 0, "a bug", {{"task", std::string(name)}, {"what", std::string(what)}});
    }),
    hash_(HashKey::fresh(services.random))
{
    for (std::size_t i = 0; i < services.loops.size(); ++i)
        pools_.push_back(std::make_unique<Pool>(services.loops[i], services.clock, tasks_, settings_.pool));
}

Relay::~Relay()
{
    stop();
    tasks_.wait();
}

void Relay::stop()
{
    for (const std::unique_ptr<Pool>& pool : pools_)
        pool->stop();
}

Task<std::string> Relay::destination_of(std::string domain)
{
    return services_.router.destination_of(std::move(domain));
}

Task<std::vector<smtp::RecipientFate>> Relay::carry(smtp::Shipment shipment)
{
    const std::string destination = co_await services_.router.destination_of(shipment.domain);
    Pool& pool = *pools_[hash_(destination) % pools_.size()];
    std::vector<smtp::RecipientFate> fates = co_await run_on(pool.loop(), carry_here(pool, std::move(shipment)));
    co_return fates;
}

Task<std::vector<smtp::RecipientFate>> Relay::carry_here(Pool& pool, smtp::Shipment shipment)
{
    Voyage voyage(services_.router, approach_services_, settings_.approach, settings_.voyage, pool,
                  std::move(shipment));
    std::vector<smtp::RecipientFate> fates = co_await voyage.run();
    co_return fates;
}

}  // namespace posthouse::mta::relay
