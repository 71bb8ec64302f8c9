// The connections of one loop: which are idle, how many a host may have, and who waits for one.
//
// A connection that has carried a message waits a few seconds for the next one to the same host, then
// says QUIT. Whoever finds none idle opens one, while the host has places left; else waits in turn.
//
// Threads: the pool's loop, but for stop(). Lifetime: outlives every connection; services outlive it.
#pragma once

#include "base/ids.h"
#include "base/recorder.h"
#include "smtp/client.h"

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

namespace posthouse::mta::relay {

class Pool;

// One of the connections that a host may have; given back when it goes.
class Place {
public:
    Place() = default;
    Place(Pool& pool, std::string key) : pool_(&pool), key_(std::move(key)) { }
    Place(Place&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), key_(std::move(other.key_)) { }
    Place& operator=(Place&& other) noexcept;
    ~Place() { release(); }

    explicit operator bool() const { return pool_ != nullptr; }
    const std::string& key() const { return key_; }
    void release();

private:
    Pool* pool_ = nullptr;
    std::string key_;
};

// Takes mail, once mta/relay/approach.h has made it ready.
class Connection {
public:
    // `wire` may be connecting still.
    Connection(Pool& pool, Place place, net::Wire wire, const Clock& clock, Recorder& recorder, Id session,
               smtp::ClientPatience patience);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    Place place;
    const Id session;
    Id message = 0;  // whose lines are told now
    std::string host;
    std::string address;  // "127.0.0.2:2525"
    unsigned messages = 0;  // carried so far
    SteadyTime idle_since;
    bool was_told = false;  // the journey knows of it, and shall hear of its end
    smtp::Client client;

private:
    Recorder& recorder_;
    Pool& pool_;
};

struct PoolSettings {
    unsigned most_connections = 20;  // to a host, on this loop
    unsigned most_messages = 500;  // over one connection
    Duration idle = 5s;
    Duration grace = 3s;  // at stop(), for the answers that are under way
};

class Pool {
public:
    Pool(Loop& loop, const Clock& clock, TaskGroup& tasks, PoolSettings settings) :
        loop_(loop), clock_(clock), tasks_(tasks), settings_(settings)
    {
    }

    Loop& loop() { return loop_; }
    enum class Want : std::uint8_t { any, fresh };
    struct Got {
        std::unique_ptr<Connection> connection;  // an idle one
        Place place;  // or where a new one may be opened; neither: none came free, or we are shutting down
    };
    // `key` names what may be shared: host, port, and how it was entered.
    Task<Got> acquire(std::string key, Want want, Duration patience);
    // Keeps it for the next one, or says QUIT.
    void give_back(std::unique_ptr<Connection> connection);

    // From any thread. Nothing new is begun; what is under way gets its grace.
    void stop();
    bool is_stopping() const { return stopping_; }  // on its loop
    std::size_t idle() const { return idle_; }

private:
    friend class Place;
    friend class Connection;
    struct Waiter {
        Promise<bool> called;
        Got got;
        bool was_called = false;
        bool gave_up = false;
    };
    struct Host {
        unsigned places = 0;  // taken
        std::deque<std::unique_ptr<Connection>> idle;
        std::deque<std::shared_ptr<Waiter>> waiting;
    };

    std::unique_ptr<Connection> take_idle(Host& host);
    std::shared_ptr<Waiter> next_waiter(Host& host);
    void hand_over(Waiter& waiter, Got got);
    void release_place(const std::string& key);
    void say_goodbye(std::unique_ptr<Connection> connection);
    void forget_if_empty(const std::string& key);
    Task<void> sweep();
    Task<void> wind_down();

    Loop& loop_;
    const Clock& clock_;
    TaskGroup& tasks_;
    const PoolSettings settings_;
    std::unordered_map<std::string, Host> hosts_;
    std::set<Connection*> all_;
    std::size_t idle_ = 0;
    bool sweeping_ = false;
    bool stopping_ = false;
};

}  // namespace posthouse::mta::relay
