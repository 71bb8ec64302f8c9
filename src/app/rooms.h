// All rooms that live from the store, in the order they are built. Seen by household.cc and house.cc.
#pragma once

#include "app/household.h"
#include "app/queue_desk.h"
#include "app/routing.h"
#include "app/trace_peers.h"
#include "app/upkeep.h"
#include "base/random.h"
#include "directory/make.h"
#include "journey/journeys.h"
#include "mda/local_delivery.h"
#include "mta/bounce/report.h"
#include "mta/queue/intake.h"
#include "mta/queue/queue.h"
#include "mta/relay/relay.h"
#include "mta/route/mx_router.h"
#include "net/unbound_resolver.h"
#include "smtp/agent.h"
#include "store/blobs.h"
#include "store/rocksdb/rocks_store.h"

namespace posthouse::app {

inline constexpr unsigned read_threads = 4;  // row and blob reads that the block cache does not answer
inline constexpr std::size_t most_reads_waiting = 100'000;
inline constexpr unsigned hash_threads = 2;  // Argon2id takes 19 MiB each
inline constexpr std::size_t most_hashes_waiting = 64;

// The mailbox room asks who lives here only this.
class DirectoryQuotas final : public mailbox::Quotas {
public:
    explicit DirectoryQuotas(directory::Directory& directory) : directory_(directory) { }
    Task<Result<std::uint64_t>> limit_of(mailbox::AccountId id) override
    {
        const Result<directory::Account> account = co_await directory_.account(id);
        if (!account)
            co_return fail(account.error());
        co_return account->quota_bytes;
    }

private:
    directory::Directory& directory_;
};

// RCPT and SIZE ask whether there is room.
class CourierQuotas final : public smtp::Quotas {
public:
    explicit CourierQuotas(mailbox::Courier& courier) : courier_(courier) { }
    Task<Result<void>> has_room(Id account, std::uint64_t size) override
    {
        co_return co_await courier_.has_room(account, size);
    }

private:
    mailbox::Courier& courier_;
};

// Explanations name the queue's retry plans.
class QueuePlans final : public mta::route::RetryPlans {
public:
    explicit QueuePlans(const mta::queue::Queue& queue) : queue_(queue) { }
    mta::route::RetryPlan plan_for(const std::string& domain) const override
    {
        const std::shared_ptr<const mta::queue::Policy> policy = queue_.policy_of(domain);
        return {policy->retry, policy->warn_after, policy->give_up_after};
    }

private:
    const mta::queue::Queue& queue_;
};

// From the ground up; destroyed the other way.
struct Household::Rooms {
    Rooms(Loops& the_loops, Log& the_log, journey::Recording* recording) :
        log(the_log),
        recorder(recording != nullptr ? static_cast<Recorder&>(*recording) : silence),
        loops(the_loops),
        tasks(report_bug()),
        journey_tasks(report_bug())
    {
    }
    TaskGroup::OnBug report_bug()
    {
        return [this](std::string_view name, std::string_view what) {
            log.write(LogLevel::error, "app", 0, "a task ended with a bug",
                      {{"task", std::string(name)}, {"what", std::string(what)}});
        };
    }

    SystemClock clock;
    SystemRandom random;
    Log& log;
    NoRecorder silence;
    Recorder& recorder;
    IdSource ids{clock, random};
    Workers readers{read_threads, most_reads_waiting};
    Workers hashers{hash_threads, most_hashes_waiting};
    Loops& loops;
    Promise<bool> stopping;  // fulfilled when the house is taken down
    TaskGroup tasks;
    TaskGroup journey_tasks;
    std::unique_ptr<store::RocksStore> store;
    std::unique_ptr<store::Blobs> blobs;
    std::unique_ptr<journey::Journeys> journeys;
    journey::SessionRecorder session_recorder{clock};  // of what sessions are asked for
    directory::Made directory;
    std::unique_ptr<net::UnboundResolver> resolver;
    std::unique_ptr<mta::route::MxRouter> router;
    std::unique_ptr<DirectoryQuotas> quotas;
    std::unique_ptr<mailbox::Mailboxes> mailboxes;
    std::unique_ptr<mda::LocalDelivery> courier;
    std::unique_ptr<CourierQuotas> room_for_mail;
    std::unique_ptr<mta::bounce::ReportWriter> notices;
    std::unique_ptr<net::TlsContext> any_certificate;
    std::unique_ptr<net::TlsContext> good_certificate;
    std::unique_ptr<mta::relay::Relay> relay;
    std::unique_ptr<mta::queue::Queue> queue;
    std::unique_ptr<QueuePlans> plans;
    std::unique_ptr<mta::queue::QueueIntake> intake;
    std::unique_ptr<SetTracePeers> trace_peers;
    std::unique_ptr<HouseUpkeep> upkeep;
    std::unique_ptr<HouseRouting> routing;
    std::unique_ptr<HouseQueueDesk> desk;
    std::unique_ptr<console::Api> api;
};

}  // namespace posthouse::app
