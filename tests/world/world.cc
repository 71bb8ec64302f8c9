#include "world/world.h"

#include "message/body.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace posthouse::world {

namespace {

TaskGroup::OnBug bugs()
{
    return [](std::string_view name, std::string_view what) { ADD_FAILURE() << "a bug in " << name << ": " << what; };
}

smtp::Path path_of(const std::string& address)
{
    const std::size_t at = address.rfind('@');
    if (at == std::string::npos)
        return {};
    return {address.substr(0, at), address.substr(at + 1)};
}

void must(const Result<void>& result) { ASSERT_TRUE(result) << result.error().text; }

Task<bool> done(std::function<void()> work)
{
    work();
    co_return true;
}

Task<bool> ended(Task<void> task)
{
    co_await std::move(task);
    co_return true;
}

}  // namespace

// --- mail ---

std::string Mail::field(std::string_view name) const
{
    const auto found = message::find_field(whole, name);
    return found ? found->text() : "";
}

std::vector<std::string> Mail::fields(std::string_view name) const
{
    std::vector<std::string> values;
    for (const message::Field& field : message::find_fields(whole, name))
        values.push_back(field.text());
    return values;
}

namespace {

std::string_view part_of(const Mail& mail, const message::Digest& digest, std::size_t index)
{
    const message::Part& part = digest.parts.at(index);
    return std::string_view(mail.whole).substr(part.body_begin, part.body_size());
}

}  // namespace

bool Mail::is_report() const
{
    const message::Digest digest = message::digest_of(whole);
    return digest.parts[0].subtype == "report" && digest.parts.size() >= 4;
}

std::string Mail::letter() const
{
    const message::Digest digest = message::digest_of(whole);
    std::string text = message::readable_text(digest.parts.at(1), part_of(*this, digest, 1));
    for (std::size_t i = 1; i + 1 < text.size(); ++i)
        if (text[i] == '\n' && text[i - 1] != '\n' && text[i + 1] != '\n' && text[i + 1] != ' ')
            text[i] = ' ';
    return text;
}

message::DeliveryStatus Mail::status() const
{
    const message::Digest digest = message::digest_of(whole);
    const auto status = message::parse_delivery_status(part_of(*this, digest, 2));
    EXPECT_TRUE(status) << whole;
    return status.value_or(message::DeliveryStatus{.recipients = {{}}});
}

std::string Mail::returned_type() const
{
    const message::Digest digest = message::digest_of(whole);
    return digest.parts.at(3).type + "/" + digest.parts.at(3).subtype;
}

std::string Mail::returned() const
{
    const message::Digest digest = message::digest_of(whole);
    return std::string(part_of(*this, digest, 3));
}

// --- a house ---

class House::AccountQuotas final : public mailbox::Quotas {
public:
    explicit AccountQuotas(directory::Directory& directory) : directory_(directory) { }
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

class House::RoomForMail final : public smtp::Quotas {
public:
    explicit RoomForMail(mailbox::Courier& courier) : courier_(courier) { }
    Task<Result<void>> has_room(Id account, std::uint64_t size) override
    {
        co_return co_await courier_.has_room(account, size);
    }

private:
    mailbox::Courier& courier_;
};

House::House(World& world, std::string domain, std::string address, std::vector<std::string> people) :
    world_(world),
    domain_(std::move(domain)),
    address_(std::move(address)),
    ids_(world.clock, world.random),
    tasks_(bugs()),
    sessions_(bugs()),
    store_(world.clock),
    blobs_(store::make_blobs(store_, ids_)),
    directory_(directory::make_directory(
        {store_, ids_, world.clock, world.random, workers_, log_},
        {.argon2_kib = 64, .argon2_passes = 1, .scram_iterations = 4096, .slowest = Duration::zero()})),
    quotas_(std::make_unique<AccountQuotas>(*directory_.directory)),
    mailboxes_(mailbox::make_mailboxes({store_, *blobs_, world.loops, ids_, world.clock, *quotas_, log_})),
    courier_(std::make_unique<mda::LocalDelivery>(*mailboxes_, recorder_)),
    room_(std::make_unique<RoomForMail>(*courier_)),
    any_certificate_(std::move(*net::TlsContext::client(net::TlsContext::Verify::no))),
    good_certificate_(std::move(*net::TlsContext::client(net::TlsContext::Verify::yes)))
{
    directory::Directory& directory = *directory_.directory;
    must(world_.run(directory.add_domain(domain_)));
    for (const std::string& person : people) {
        const auto account = world_.run(directory.add_account(person + "@" + domain_, "a password", person));
        accounts_[person] = account ? account->id : 0;
        must(world_.run(mailboxes_->found(accounts_[person])));
    }
    router_ = std::make_unique<mta::route::MxRouter>(
        mta::route::Services{directory, *directory_.routes, world_.dns, world_.clock, world_.random, recorder_},
        mta::route::Settings{.ourselves = {domain_, {{address_, port}}, {}}, .relay_port = port});
    mta::relay::Settings relay;
    relay.approach.host_name = domain_;
    relay_ = std::make_unique<mta::relay::Relay>(mta::relay::Services{*router_, world_.loops, world_.clock,
                                                                      world_.random, ids_, recorder_, log_,
                                                                      *any_certificate_, *good_certificate_},
                                                 relay);
    reports_ =
        std::make_unique<mta::bounce::ReportWriter>(mta::bounce::ReportWriter::Options{domain_, {}}, world_.random);
    queue_ = std::make_unique<mta::queue::Queue>(
        mta::queue::QueueServices{store_, *blobs_, directory, *mailboxes_, *courier_, relay_.get(), reports_.get(),
                                  world_.loops, ids_, world_.clock, world_.random, recorder_, log_, tasks_});
    intake_ = std::make_unique<mta::queue::QueueIntake>(
        mta::queue::IntakeServices{store_, directory, *mailboxes_, *courier_, *queue_, ids_, world_.clock, recorder_});
    tasks_.spawn(world_.loops[0], "queue", queue_->run());
    open_port();
}

void House::open_port()
{
    door_ = std::make_unique<mta::receive::Receive>(
        mta::receive::Services{*directory_.directory, *intake_, *room_, world_.clock, recorder_, log_},
        mta::receive::Settings{domain_});
    server_ =
        std::make_unique<smtp::Server>(smtp::ServerServices{*door_, ids_, world_.clock, recorder_, log_, nullptr});
    net::ListenerOptions options;
    options.name = domain_;
    options.address = address_;
    options.port = port;
    auto listener = net::Listener::bind(std::move(options), world_.loops, connections_, log_);
    ASSERT_TRUE(listener) << listener.error().text;
    listener_ = std::move(*listener);
    listener_->start([this](net::Wire wire) { return server_->serve(std::move(wire)); }, sessions_);
}

House::~House()
{
    listener_->stop();
    sessions_.wait();
    relay_->stop();
    queue_->stop();
    tasks_.wait();
    world_.run(ended(mailboxes_->stop()));
    relay_.reset();
}

void House::alias(const std::string& address, std::vector<std::string> targets)
{
    must(world_.run(directory_.directory->set_alias({address, std::move(targets)})));
}

void House::quota(const std::string& address, std::uint64_t bytes)
{
    must(world_.run(directory_.directory->set_quota(address, bytes)));
}

Task<Result<Id>> House::hand_in(smtp::Envelope envelope, std::string text)
{
    const Id id = intake_->next_id();
    Result<std::unique_ptr<smtp::Incoming>> incoming = co_await intake_->begin(id, std::move(envelope));
    if (!incoming)
        co_return fail(incoming.error());
    const Result<void> appended = co_await (*incoming)->append(std::move(text));
    if (!appended)
        co_return fail(appended.error());
    const Result<smtp::Taken> taken = co_await (*incoming)->commit();
    if (!taken)
        co_return fail(taken.error());
    co_return taken->message;
}

Id House::send(const std::string& from, const std::vector<std::string>& to, const Sending& sending)
{
    smtp::Envelope envelope;
    envelope.reverse_path = path_of(from);
    envelope.ret = sending.ret;
    envelope.envelope_id = sending.envelope_id;
    if (sending.hold > Duration{})
        envelope.hold_until = world_.clock.now() + sending.hold;
    for (const std::string& address : to)
        envelope.recipients.push_back({path_of(address), sending.notify, sending.original_recipient});
    const std::string text =
        fmt::format("From: <{}>\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{}@{}>\r\n{}\r\n{}", from, fmt::join(to, ", "),
                    sending.subject, sending.subject, domain_, sending.header, sending.body);
    const Result<Id> taken = world_.run(hand_in(std::move(envelope), text));
    EXPECT_TRUE(taken) << taken.error().text;
    return taken.value_or(0);
}

bool House::cancel(const std::string& person, Id message)
{
    const Result<void> cancelled = world_.run(intake_->cancel(message, accounts_.at(person)));
    EXPECT_TRUE(cancelled || cancelled.error() == ErrorCode::not_found) << cancelled.error().text;
    return cancelled.has_value();
}

Task<Result<std::vector<Mail>>> House::read_inbox(Id id)
{
    const Result<mailbox::AccountPtr> account = co_await mailboxes_->open(id, id);
    if (!account)
        co_return fail(account.error());
    const Result<mailbox::MailboxTreePtr> tree = co_await (*account)->tree();
    if (!tree)
        co_return fail(tree.error());
    const Result<mailbox::SnapshotPtr> snapshot = co_await (*account)->snapshot((*tree)->find("INBOX")->id);
    if (!snapshot)
        co_return fail(snapshot.error());
    std::vector<Mail> all;
    for (std::uint32_t i = 0; i < (*snapshot)->size(); ++i) {
        Result<mailbox::Email> email = co_await (*account)->email((*snapshot)->at(i).email);
        if (!email)
            co_return fail(email.error());
        Result<std::string> whole = co_await (*account)->read_all(std::move(*email));
        if (!whole)
            co_return fail(whole.error());
        all.push_back({std::move(*whole)});
    }
    co_return all;
}

std::vector<Mail> House::mail(const std::string& person)
{
    auto all = world_.run(read_inbox(accounts_.at(person)));
    EXPECT_TRUE(all) << all.error().text;
    return all.value_or(std::vector<Mail>{});
}

std::size_t House::waiting() { return world_.run(queue_->count(1'000'000)).value_or(999'999); }

// --- the world ---

World::World() : tasks_(bugs()) { }

World::~World()
{
    for (const auto& host : hosts_)
        host->stop();
    // Whoever says goodbye now gives the others some time for it, by the clock.
    const std::jthread time([this](const std::stop_token& ended) {
        for (; !ended.stop_requested(); std::this_thread::sleep_for(1ms))
            clock.advance(1s);
    });
    houses_.clear();
    tasks_.wait();
    loops.stop_and_join();
}

// Each process has addresses of its own, so that tests run side by side on one port.
std::string World::next_address()
{
    const auto process = static_cast<unsigned>(::getpid());
    return fmt::format("127.{}.{}.{}", 100 + process / 250 % 100, 1 + process % 250, ++addresses_);
}

void World::add_domain(const std::string& domain, const std::string& address)
{
    dns.mx_records[domain] = {{10, "mx." + domain}};
    dns.v4["mx." + domain] = {address};
    dns.names_of[address] = {"mx." + domain};
}

House& World::house(const std::string& domain, std::vector<std::string> people)
{
    const std::string address = next_address();
    add_domain(domain, address);
    houses_.push_back(std::make_unique<House>(*this, domain, address, std::move(people)));
    return *houses_.back();
}

lab::ScriptedHost& World::host(lab::HostScript script)
{
    const std::string address = next_address();
    add_domain(script.name, address);
    auto host = lab::ScriptedHost::start(std::move(script), {address, port}, {loops, connections_, log_, tasks_});
    if (!host)
        throw std::runtime_error(host.error().text);
    hosts_.push_back(std::move(*host));
    return *hosts_.back();
}

void World::nobody_at(const std::string& domain) { add_domain(domain, next_address()); }

void World::let(std::function<void(net::FakeResolver&)> change)
{
    run(done([this, change = std::move(change)] { change(dns); }));
}

void World::rest()
{
    constexpr int quiet_looks = 3;
    int quiet = 0;
    for (int i = 0; i < 100'000; ++i) {
        const bool resting =
            std::ranges::all_of(houses_, [](const auto& house) { return house->rests_until().has_value(); });
        quiet = resting ? quiet + 1 : 0;
        if (quiet >= quiet_looks)
            return;
        std::this_thread::sleep_for(i < 1'000 ? 50us : 1ms);
    }
    ADD_FAILURE() << "the world does not come to rest";
}

void World::pass(Duration span)
{
    // Clocks within the house tick every few seconds; a long time is gone through in bigger steps.
    const Duration step = std::max(Duration{1}, span / 2'000);
    const SteadyTime end = clock.steady() + span;
    for (;;) {
        rest();
        const auto left = std::chrono::floor<Duration>(end - clock.steady());
        if (left <= Duration{0})
            return;
        Duration next = left;
        // A queue may be about to tell the clock when it wakes.
        for (const auto& house : houses_)
            if (const std::optional<SteadyTime> until = house->rests_until())
                next = std::min(next, std::chrono::ceil<Duration>(*until - clock.steady()));
        if (const std::optional<Duration> other = clock.until_next())
            next = std::min(next, *other);
        clock.advance(std::min(left, std::max(next, step)));
    }
}

Task<std::string> World::converse(std::string address, std::vector<std::string> lines)
{
    const SystemClock real;
    Result<net::Wire> wire = co_await net::connect(address, port, Deadline::in(real, 60s));
    if (!wire)
        co_return "no connection: " + wire.error().text;
    std::string text;
    for (const std::string& line : lines)
        text += line + "\r\n";
    const Result<void> written = co_await wire->write(std::move(text), Deadline::in(real, 60s));
    for (Result<void> filled = written; filled;) {
        const Result<void> more = co_await wire->fill(Deadline::in(real, 60s), 1024 * 1024);
        filled = more;
    }
    co_return std::string(wire->input());
}

std::string World::talk(const House& house, std::vector<std::string> lines)
{
    lines.emplace_back("QUIT");
    return run(converse(house.address(), std::move(lines)));
}

}  // namespace posthouse::world
