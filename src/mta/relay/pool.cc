#include "mta/relay/pool.h"

#include <algorithm>

namespace posthouse::mta::relay {

Place& Place::operator=(Place&& other) noexcept
{
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    key_ = std::move(other.key_);
    return *this;
}

void Place::release()
{
    if (Pool* pool = std::exchange(pool_, nullptr))
        pool->release_place(key_);
}

Connection::Connection(Pool& pool, Place place_of, net::Wire wire, const Clock& clock, Recorder& recorder, Id id,
                       smtp::ClientPatience patience) :
    place(std::move(place_of)),
    session(id),
    client(std::move(wire), clock,
           recorder.wanted() ? smtp::Client::ShowLine([this, &recorder](Speaker speaker, std::string_view line) {
               recorder.line({session, message, speaker, line, client.about()});
           })
                             : smtp::Client::ShowLine(),
           patience),
    recorder_(recorder),
    pool_(pool)
{
    pool_.all_.insert(this);
}

Connection::~Connection()
{
    pool_.all_.erase(this);
    if (was_told && recorder_.wanted())
        recorder_.step(
            {.session = session, .message = message, .room = "mta/relay", .step = "closed", .result = address});
}

// --- giving and taking ------------------------------------------------------------------------

Task<Pool::Got> Pool::acquire(std::string key, Want want, Duration patience)
{
    Got got;
    if (stopping_)
        co_return got;
    Host& host = hosts_[key];
    ++host.places;  // so that it stays while idle connections turn out to be dead
    if (want == Want::any)
        got.connection = take_idle(host);
    --host.places;
    if (got.connection)
        co_return got;
    if (host.places >= settings_.most_connections && want == Want::fresh && !host.idle.empty()) {
        std::unique_ptr<Connection> oldest = std::move(host.idle.front());
        host.idle.pop_front();
        --idle_;
        say_goodbye(std::move(oldest));
    }
    if (host.places < settings_.most_connections) {
        ++host.places;
        got.place = Place(*this, std::move(key));
        co_return got;
    }
    const auto waiter = std::make_shared<Waiter>();
    host.waiting.push_back(waiter);
    const bool called = co_await waiter->called.ready_within(clock_, patience);
    if (!called && !waiter->was_called)
        waiter->gave_up = true;
    else
        got = std::move(waiter->got);
    co_return got;
}

// The one used last: the others may grow old and go.
std::unique_ptr<Connection> Pool::take_idle(Host& host)
{
    while (!host.idle.empty()) {
        std::unique_ptr<Connection> connection = std::move(host.idle.back());
        host.idle.pop_back();
        --idle_;
        if (!connection->client.wire().has_news())
            return connection;
        // It has closed, or says 421: either way it takes no more.
        connection->place.release();
    }
    return nullptr;
}

std::shared_ptr<Pool::Waiter> Pool::next_waiter(Host& host)
{
    while (!host.waiting.empty()) {
        std::shared_ptr<Waiter> waiter = std::move(host.waiting.front());
        host.waiting.pop_front();
        if (!waiter->gave_up)
            return waiter;
    }
    return nullptr;
}

void Pool::hand_over(Waiter& waiter, Got got)
{
    waiter.got = std::move(got);
    waiter.was_called = true;
    waiter.called.fulfil(true);
}

void Pool::give_back(std::unique_ptr<Connection> connection)
{
    connection->message = 0;
    if (stopping_ || !connection->client.is_usable() || connection->messages >= settings_.most_messages)
        return say_goodbye(std::move(connection));
    Host& host = hosts_[connection->place.key()];
    if (const std::shared_ptr<Waiter> waiter = next_waiter(host))
        return hand_over(*waiter, {std::move(connection), {}});
    connection->idle_since = clock_.steady();
    host.idle.push_back(std::move(connection));
    ++idle_;
    if (!std::exchange(sweeping_, true))
        tasks_.spawn_here(loop_.executor(), "idle connections", sweep());
}

void Pool::release_place(const std::string& key)
{
    const auto found = hosts_.find(key);
    if (found == hosts_.end())
        return;
    Host& host = found->second;
    --host.places;
    if (const std::shared_ptr<Waiter> waiter = stopping_ ? nullptr : next_waiter(host)) {
        ++host.places;
        hand_over(*waiter, {nullptr, Place(*this, key)});
        return;
    }
    forget_if_empty(key);
}

void Pool::forget_if_empty(const std::string& key)
{
    const auto found = hosts_.find(key);
    if (found != hosts_.end() && found->second.places == 0 && found->second.idle.empty() &&
        found->second.waiting.empty())
        hosts_.erase(found);
}

// --- the end of connections -------------------------------------------------------------------

namespace {

Task<void> quit(std::unique_ptr<Connection> connection) { co_await connection->client.quit(); }

}  // namespace

void Pool::say_goodbye(std::unique_ptr<Connection> connection)
{
    connection->place.release();
    if (connection->client.is_usable())
        tasks_.spawn_here(loop_.executor(), "QUIT", quit(std::move(connection)));
}

Task<void> Pool::sweep()
{
    const Duration pause = std::min<Duration>(settings_.idle / 2, 200ms);
    while (idle_ > 0 && !stopping_) {
        co_await sleep_for(clock_, pause);
        const SteadyTime now = clock_.steady();
        std::vector<std::unique_ptr<Connection>> gone;
        for (auto& [key, host] : hosts_) {
            while (!host.idle.empty() && (stopping_ || now - host.idle.front()->idle_since >= settings_.idle)) {
                gone.push_back(std::move(host.idle.front()));
                host.idle.pop_front();
                --idle_;
            }
        }
        for (std::unique_ptr<Connection>& connection : gone)  // it may take hosts_ apart
            say_goodbye(std::move(connection));
    }
    sweeping_ = false;
}

// As a task, so that whoever waits for all tasks waits for this one too.
void Pool::stop() { tasks_.spawn(loop_, "stopping", wind_down()); }

Task<void> Pool::wind_down()
{
    static constexpr Duration look_again = 20ms;
    if (std::exchange(stopping_, true))
        co_return;
    std::vector<std::unique_ptr<Connection>> gone;
    for (auto& [key, host] : hosts_) {
        std::ranges::move(host.idle, std::back_inserter(gone));
        host.idle.clear();
        while (const std::shared_ptr<Waiter> waiter = next_waiter(host))
            hand_over(*waiter, {});
    }
    idle_ = 0;
    for (std::unique_ptr<Connection>& connection : gone)  // it may take hosts_ apart
        say_goodbye(std::move(connection));
    for (Duration waited{}; !all_.empty() && waited < settings_.grace; waited += look_again)
        co_await sleep_for(look_again);
    for (Connection* connection : all_)
        connection->client.wire().cancel();
}

}  // namespace posthouse::mta::relay
