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

// Mail leaves from the address it is taken in at, where that is one: what looks us up finds us.
mta::relay::Settings relay_settings(const Settings& settings)
{
    mta::relay::Settings relay;
    relay.approach.host_name = settings.hostname;
    for (const ListenAt& at : settings.listen) {
        const bool is_v6 = at.address.contains(':');
        std::string& source = is_v6 ? relay.approach.source_v6 : relay.approach.source_v4;
        if (at.door == Door::smtp && source.empty() && at.address != (is_v6 ? "::" : "0.0.0.0"))
            source = at.address;
    }
    return relay;
}

Result<void> build_relay(Household::Rooms& rooms, const Settings& settings)
{
    Result<std::unique_ptr<net::TlsContext>> any = net::TlsContext::client(net::TlsContext::Verify::no);
    if (!any)
        return fail(any.error());
    Result<std::unique_ptr<net::TlsContext>> good = net::TlsContext::client(net::TlsContext::Verify::yes);
    if (!good)
        return fail(good.error());
    rooms.any_certificate = std::move(*any);
    rooms.good_certificate = std::move(*good);
    rooms.relay = std::make_unique<mta::relay::Relay>(
        mta::relay::Services{*rooms.router, rooms.loops, rooms.clock, rooms.random, rooms.ids, rooms.recorder,
                             rooms.log, *rooms.any_certificate, *rooms.good_certificate},
        relay_settings(settings));
    return {};
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
    rooms->notices = std::make_unique<mta::bounce::ReportWriter>(
        mta::bounce::ReportWriter::Options{settings.hostname, {}}, rooms->random);
    if (const Result<void> built = build_relay(*rooms, settings); !built)
        return fail(built.error());
    mta::queue::QueueServices queue{*rooms->store,
                                    *rooms->blobs,
                                    *rooms->directory.directory,
                                    *rooms->mailboxes,
                                    *rooms->courier,
                                    rooms->relay.get(),
                                    rooms->notices.get(),
                                    rooms->loops,
                                    rooms->ids,
                                    rooms->clock,
                                    rooms->random,
                                    recorder,
                                    log,
                                    rooms->tasks};
    rooms->queue = std::make_unique<mta::queue::Queue>(queue);
    rooms->plans = std::make_unique<QueuePlans>(*rooms->queue);
    rooms->intake = std::make_unique<mta::queue::QueueIntake>(
        mta::queue::IntakeServices{*rooms->store, *rooms->directory.directory, *rooms->mailboxes, *rooms->courier,
                                   *rooms->queue, rooms->ids, rooms->clock, recorder});
    Result<std::unique_ptr<SetTracePeers>> peers = SetTracePeers::make(settings, rooms->clock);
    if (!peers)
        return fail(peers.error());
    rooms->trace_peers = std::move(*peers);
    rooms->upkeep = std::make_unique<HouseUpkeep>(*rooms->store, *rooms->queue, rooms->readers);
    rooms->routing = std::make_unique<HouseRouting>(*rooms->directory.routes, *rooms->directory.directory,
                                                    *rooms->router, rooms->plans.get());
    rooms->desk = std::make_unique<HouseQueueDesk>(*rooms->queue, *rooms->directory.directory, rooms->router.get());
    rooms->api = std::make_unique<console::Api>(
        console::ApiServices{*rooms->directory.directory, *rooms->mailboxes, *rooms->journeys, rooms->session_recorder,
                             rooms->trace_peers.get(), *rooms->upkeep, *rooms->routing, *rooms->desk,
                             *rooms->directory.outgoing, rooms->clock, log});
    return std::unique_ptr<Household>(new Household(std::move(rooms)));
}

Household::~Household()
{
    rooms_->stopping.fulfil(true);
    rooms_->queue->stop();
    rooms_->resolver->stop();  // nobody waits for names while the house goes down
    rooms_->relay->stop();
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
