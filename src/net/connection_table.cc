#include "base/random.h"
#include "net/listener.h"

#include <array>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include <arpa/inet.h>

namespace posthouse::net {

namespace {

struct Key {
    enum class Kind : std::uint8_t { v4_address, v4_network, v6_address, v6_network, account };
    Kind kind;
    std::uint64_t value;
    friend bool operator==(const Key&, const Key&) = default;
};

// Keyed, since addresses are chosen by strangers: the two factors are secret, the product of 128
// bits is folded.
struct KeyHash {
    std::uint64_t first;
    std::uint64_t second;
    std::size_t operator()(const Key& key) const
    {
        const auto product =
            static_cast<unsigned __int128>(key.value ^ first) * (second ^ (static_cast<std::uint64_t>(key.kind) << 32));
        return static_cast<std::size_t>(product ^ (product >> 64));
    }
};

struct Limited {
    Key key;
    unsigned limit;
};

// The address itself and the network around it; nothing for what is no IP address (Unix sockets).
std::vector<Limited> keys_of(const std::string& address, const ConnectionLimits& limits)
{
    using Kind = Key::Kind;
    std::uint32_t v4;
    if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
        const std::uint32_t number = ntohl(v4);
        return {{{Kind::v4_address, number}, limits.per_address},
                {{Kind::v4_network, number >> 8}, limits.per_network}};
    }
    std::array<unsigned char, 16> v6;
    if (inet_pton(AF_INET6, address.c_str(), v6.data()) != 1)
        return {};
    std::uint64_t subnet = 0;
    for (int i = 0; i < 8; ++i)
        subnet = subnet << 8 | v6[i];
    return {{{Kind::v6_address, subnet}, limits.per_address}, {{Kind::v6_network, subnet >> 16}, limits.per_network}};
}

}  // namespace

struct ConnectionTable::State {
    ConnectionLimits limits;
    mutable std::mutex mutex;
    std::size_t total = 0;
    std::unordered_map<Key, unsigned, KeyHash> counts;  // of what is open: never more than the total

    State(ConnectionLimits given, SystemRandom random) :
        limits(given), counts(16, KeyHash{random.number(), random.number() | 1})
    {
    }

    bool is_full(const Limited& limited) const
    {
        const auto found = counts.find(limited.key);
        return (found == counts.end() ? 0 : found->second) >= limited.limit;
    }
    void leave(const Key& key)
    {
        const auto found = counts.find(key);
        if (--found->second == 0)
            counts.erase(found);
    }
};

namespace {

template <class State> struct Place {
    std::shared_ptr<State> state;
    std::vector<Limited> keys;
    bool is_connection;

    ~Place()
    {
        const std::scoped_lock lock(state->mutex);
        for (const Limited& limited : keys)
            state->leave(limited.key);
        if (is_connection)
            --state->total;
    }
};

template <class State>
std::shared_ptr<void> enter(const std::shared_ptr<State>& state, std::vector<Limited> keys, bool is_connection)
{
    const std::scoped_lock lock(state->mutex);
    if (is_connection && state->total >= state->limits.total)
        return nullptr;
    for (const Limited& limited : keys)
        if (state->is_full(limited))
            return nullptr;
    for (const Limited& limited : keys)
        ++state->counts[limited.key];
    if (is_connection)
        ++state->total;
    return std::shared_ptr<Place<State>>(new Place<State>{state, std::move(keys), is_connection});
}

}  // namespace

ConnectionTable::ConnectionTable(ConnectionLimits limits) : state_(std::make_shared<State>(limits, SystemRandom())) { }
ConnectionTable::~ConnectionTable() = default;

ConnectionTable::Ticket ConnectionTable::admit(const std::string& address)
{
    return Ticket(enter(state_, keys_of(address, state_->limits), true));
}

ConnectionTable::Ticket ConnectionTable::admit_account(std::uint64_t account)
{
    return Ticket(enter(state_, {{{Key::Kind::account, account}, state_->limits.per_account}}, false));
}

std::size_t ConnectionTable::open() const
{
    const std::scoped_lock lock(state_->mutex);
    return state_->total;
}

}  // namespace posthouse::net
