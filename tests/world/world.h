// Whole houses in one process, each with a store, a directory, mailboxes, a queue, a relay and a port 25 of its own;
// they find each other by a DNS of plain maps, talk over loopback, and live by one clock that a test moves: a week of
// retries in a second.
//
//     World world;
//     House& north = world.house("north.test", {"alice", "bob"});
//     world.host({.name = "full.test", …});             // a host that does as its script says
//     north.send("alice@north.test", {"eve@full.test"}, {.subject = "x"});
//     world.pass(24h * 6);
//     … north.mail("alice") …
//
// Everything runs on one loop, so the order of things is the same each time as far as sockets let it be.
#pragma once

#include "base/fake_clock.h"
#include "directory/make.h"
#include "lab/scripted_host.h"
#include "mda/local_delivery.h"
#include "message/dsn.h"
#include "message/parser.h"
#include "mta/bounce/report.h"
#include "mta/queue/intake.h"
#include "mta/receive/receive.h"
#include "mta/relay/relay.h"
#include "mta/route/mx_router.h"
#include "net/fake_resolver.h"
#include "net/listener.h"
#include "smtp/session.h"
#include "store/blobs.h"
#include "store/memory/memory.h"

#include <future>
#include <map>

namespace posthouse::world {

inline constexpr std::uint16_t port = 2525;  // of every host

// A message as it lies in a mailbox.
struct Mail {
    std::string whole;
    std::string field(std::string_view name) const;  // unfolded; empty: none
    std::vector<std::string> fields(std::string_view name) const;
    // Of a multipart/report.
    bool is_report() const;
    std::string letter() const;  // for people, each paragraph on one line
    message::DeliveryStatus status() const;
    std::string returned_type() const;
    std::string returned() const;
};

struct Sending {
    std::string subject = "x";
    std::string body = "hello\r\n";
    std::uint8_t notify = 0;
    smtp::Ret ret = smtp::Ret::unset;
    std::string envelope_id;
    std::string original_recipient;  // of each
    std::string header;  // more fields, with CRLF
    Duration hold{};  // RFC 4865
};

class World;

class House {
public:
    House(World& world, std::string domain, std::string address, std::vector<std::string> people);
    ~House();

    // As the MSA hands it in: 250 was said when this comes back.
    Id send(const std::string& from, const std::vector<std::string>& to, const Sending& sending = {});
    // Takes back what is held; false: there is no such message of this person.
    bool cancel(const std::string& person, Id message);
    // What lies in the INBOX of one of its people, oldest first.
    std::vector<Mail> mail(const std::string& person);
    std::size_t waiting();  // messages in the queue
    // Nothing is done before; nullopt: something is being done.
    std::optional<SteadyTime> rests_until() const { return queue_->rests_until(); }
    void alias(const std::string& address, std::vector<std::string> targets);
    void quota(const std::string& address, std::uint64_t bytes);
    mta::queue::Queue& queue() { return *queue_; }
    const std::string& address() const { return address_; }
    const std::string& domain() const { return domain_; }

private:
    class AccountQuotas;
    class RoomForMail;
    Task<Result<Id>> hand_in(smtp::Envelope envelope, std::string text);
    Task<Result<std::vector<Mail>>> read_inbox(Id account);
    void open_port();

    World& world_;
    const std::string domain_;
    const std::string address_;
    NoRecorder recorder_;
    NoLog log_;
    IdSource ids_;
    Workers workers_{1, 100};
    TaskGroup tasks_;
    TaskGroup sessions_;
    store::MemoryStore store_;
    std::unique_ptr<store::Blobs> blobs_;
    directory::Made directory_;
    std::unique_ptr<AccountQuotas> quotas_;
    std::unique_ptr<mailbox::Mailboxes> mailboxes_;
    std::unique_ptr<mda::LocalDelivery> courier_;
    std::unique_ptr<RoomForMail> room_;
    std::unique_ptr<mta::route::MxRouter> router_;
    std::unique_ptr<net::TlsContext> any_certificate_;
    std::unique_ptr<net::TlsContext> good_certificate_;
    std::unique_ptr<mta::relay::Relay> relay_;
    std::unique_ptr<mta::bounce::ReportWriter> reports_;
    std::unique_ptr<mta::queue::Queue> queue_;
    std::unique_ptr<mta::queue::QueueIntake> intake_;
    net::ConnectionTable connections_{{}};
    std::unique_ptr<mta::receive::Receive> door_;
    std::unique_ptr<smtp::Server> server_;
    std::unique_ptr<net::Listener> listener_;
    std::map<std::string, Id> accounts_;
};

class World {
public:
    World();
    ~World();

    House& house(const std::string& domain, std::vector<std::string> people);
    lab::ScriptedHost& host(lab::HostScript script);
    // A domain whose only host is one where nothing listens.
    void nobody_at(const std::string& domain);
    // Until everything that can be done without time passing is done.
    void rest();
    // Time passes: wherever somebody wakes on the way, the world comes to rest first.
    void pass(Duration span);
    // Says the lines to a house's port 25, one after the other, and gives what it answers.
    std::string talk(const House& house, std::vector<std::string> lines);
    // Changes what the DNS says, between two questions.
    void let(std::function<void(net::FakeResolver&)> change);
    template <class T> T run(Task<T> task);

    FakeClock clock;
    SeededRandom random{1};
    Loops loops{1};
    net::FakeResolver dns;  // changed by let(), or before anything runs

private:
    Task<std::string> converse(std::string address, std::vector<std::string> lines);
    std::string next_address();
    void add_domain(const std::string& domain, const std::string& address);

    NoLog log_;
    net::ConnectionTable connections_{{}};
    TaskGroup tasks_;
    unsigned addresses_ = 0;
    std::vector<std::unique_ptr<lab::ScriptedHost>> hosts_;
    std::vector<std::unique_ptr<House>> houses_;
};

// Waits in the test's thread for what a task gives, or for the bug it ends with.
template <class T> T World::run(Task<T> task)
{
    auto given = std::make_shared<std::promise<T>>();
    asio::co_spawn(loops[0].executor(), std::move(task), [given](std::exception_ptr bug, T value) {
        bug ? given->set_exception(bug) : given->set_value(std::move(value));
    });
    return given->get_future().get();
}

}  // namespace posthouse::world
