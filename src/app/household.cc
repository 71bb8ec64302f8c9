#include "app/household.h"

#include "app/rooms.h"
#include "net/interfaces.h"

namespace posthouse::app {

Household::Household(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) { }

namespace {

// Where mail is taken from the world: what must not be carried there again. The ports are bound
// already, so each has its number.
mta::route::Ourselves ourselves(const Settings& settings)
{
    std::vector<net::Endpoint> listening;
    for (const ListenAt& at : settings.listen)
        if (at.door == Door::smtp)
            listening.push_back({at.address, at.port});
    return {settings.hostname, listening, net::interface_addresses()};
}

}  // namespace

Result<std::unique_ptr<Household>> Household::open(const Settings& settings, Loops& loops, Log& log,
                                                   journey::Recording* recording)
{
    auto rooms = std::make_unique<Rooms>(loops, log, recording);
    Recorder& recorder = rooms->recorder;
    store::RocksOptions options;
    options.folder = settings.data + "/store";
    options.unsafe_no_sync = settings.unsafe_no_sync;
    options.block_cache_bytes = settings.cache_bytes;
    Result<std::unique_ptr<store::RocksStore>> store =
        store::RocksStore::open(options, rooms->clock, rooms->readers, log);
    if (!store)
        return fail(store.error());
    rooms->store = std::move(*store);
    rooms->blobs = store::make_blobs(*rooms->store, rooms->ids);
    rooms->directory =
        directory::make_directory({*rooms->store, rooms->ids, rooms->clock, rooms->random, rooms->hashers, log});
    rooms->journeys = std::make_unique<journey::Journeys>(
        journey::Services{*rooms->store, rooms->ids, rooms->clock, rooms->readers, log}, recording,
        journey::Retention{settings.journey_days, settings.journey_bytes});
    Result<std::unique_ptr<net::UnboundResolver>> resolver =
        net::UnboundResolver::open(settings.resolver, rooms->clock, rooms->random, log);
    if (!resolver)
        return fail(resolver.error());
    rooms->resolver = std::move(*resolver);
    rooms->router = std::make_unique<mta::route::MxRouter>(
        mta::route::Services{*rooms->directory.directory, *rooms->directory.routes, *rooms->resolver, rooms->clock,
                             rooms->random, recorder},
        mta::route::Settings{ourselves(settings), settings.relay_port, settings.internet});
    rooms->quotas = std::make_unique<DirectoryQuotas>(*rooms->directory.directory);
    rooms->mailboxes = mailbox::make_mailboxes(
        {*rooms->store, *rooms->blobs, rooms->loops, rooms->ids, rooms->clock, *rooms->quotas, log});
    rooms->courier = std::make_unique<mda::LocalDelivery>(*rooms->mailboxes, recorder);
    rooms->room_for_mail = std::make_unique<CourierQuotas>(*rooms->courier);
    rooms->queue = std::make_unique<mta::queue::Queue>(
        mta::queue::QueueServices{*rooms->store, *rooms->blobs, *rooms->courier, rooms->loops, rooms->ids, rooms->clock,
                                  recorder, log, rooms->tasks});
    rooms->intake = std::make_unique<mta::queue::LocalIntake>(
        mta::queue::IntakeServices{*rooms->store, *rooms->directory.directory, *rooms->mailboxes, *rooms->courier,
                                   *rooms->queue, rooms->ids, rooms->clock, recorder});
    Result<std::unique_ptr<SetTracePeers>> peers = SetTracePeers::make(settings, rooms->clock);
    if (!peers)
        return fail(peers.error());
    rooms->trace_peers = std::move(*peers);
    rooms->upkeep = std::make_unique<HouseUpkeep>(*rooms->store, *rooms->queue, rooms->readers);
    rooms->routing =
        std::make_unique<HouseRouting>(*rooms->directory.routes, *rooms->directory.directory, *rooms->router, nullptr);
    rooms->api = std::make_unique<console::Api>(
        console::ApiServices{*rooms->directory.directory, *rooms->mailboxes, *rooms->journeys, rooms->trace_peers.get(),
                             *rooms->upkeep, *rooms->routing, rooms->clock, log});
    return std::unique_ptr<Household>(new Household(std::move(rooms)));
}

Household::~Household()
{
    rooms_->stopping.fulfil(true);
    rooms_->queue->stop();
    run_blocking(rooms_->loops[0], rooms_->mailboxes->stop());
    rooms_->tasks.wait();
    rooms_->journeys->stop();  // last: what the others told is still written
    rooms_->journey_tasks.wait();
}

console::Api& Household::api() { return *rooms_->api; }
directory::Directory& Household::directory() { return *rooms_->directory.directory; }
mailbox::Mailboxes& Household::mailboxes() { return *rooms_->mailboxes; }
Loop& Household::loop() { return rooms_->loops[0]; }

}  // namespace posthouse::app
