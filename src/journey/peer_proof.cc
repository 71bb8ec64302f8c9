#include "journey/peer_proof.h"

#include "base/codec.h"
#include "base/text.h"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace posthouse::journey {

namespace {

constexpr auto valid_for = std::chrono::minutes(5);

}  // namespace

std::string prove(const PeerQuestion& question, std::string_view key)
{
    // Each part with its length: no two questions read the same.
    Writer text;
    text.string("posthouse journey 1").string(to_lower(question.from)).string(to_lower(question.to));
    text.varint(question.message).varint(question.depth).signed_varint(question.time);
    const std::string message = text.take();
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(message.data()), message.size(), out, &length) == nullptr)
        return {};
    return hex_encode({reinterpret_cast<const char*>(out), length});
}

bool is_proven(const PeerQuestion& question, std::string_view proof, std::string_view key, WallTime now)
{
    const auto asked = WallTime(std::chrono::seconds(std::clamp<std::int64_t>(question.time, 0, 1LL << 40)));
    const bool is_timely = asked <= now + valid_for && now <= asked + valid_for;
    const std::string expected = prove(question, key);
    return key.size() >= shortest_key && !expected.empty() && is_timely && equals_in_constant_time(proof, expected);
}

}  // namespace posthouse::journey
