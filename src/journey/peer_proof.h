// How a house that shares a key with ours proves that it may see one message's journey.
//
// The proof is an HMAC-SHA256 over who asks, whom, for which message, how much further it may be followed,
// and when. It is good for five minutes and for that question alone: whoever overhears it learns nothing more
// by asking again.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <string>
#include <string_view>

namespace posthouse::journey {

struct PeerQuestion {
    std::string from;  // host name of the house that asks
    std::string to;  // and of the one that is asked
    Id message = 0;  // there
    unsigned depth = 0;  // houses to follow it to from there on
    std::int64_t time = 0;  // seconds since 1970
};

inline constexpr unsigned deepest_following = 5;
inline constexpr std::size_t shortest_key = 32;

std::string prove(const PeerQuestion& question, std::string_view key);  // in hex
// False: forged, too old, from the future, or the key is too short.
bool is_proven(const PeerQuestion& question, std::string_view proof, std::string_view key, WallTime now);

}  // namespace posthouse::journey
