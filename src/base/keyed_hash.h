// SipHash-2-4 (Aumasson, Bernstein): the hash of every table that is keyed by text from outside, so
// that nobody who does not know the key can make its entries collide.
#pragma once

#include "base/random.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace posthouse {

struct HashKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    static HashKey fresh(Random& random) { return {random.number(), random.number()}; }
};

class KeyedHash {
public:
    explicit KeyedHash(HashKey key) : key_(key) { }

    std::uint64_t operator()(std::string_view bytes) const
    {
        std::uint64_t v[4] = {key_.low ^ 0x736f6d6570736575, key_.high ^ 0x646f72616e646f6d,
                              key_.low ^ 0x6c7967656e657261, key_.high ^ 0x7465646279746573};
        const std::uint64_t length = bytes.size();
        for (; bytes.size() >= 8; bytes.remove_prefix(8))
            absorb(v, word(bytes.substr(0, 8)));
        absorb(v, word(bytes) | (length << 56));
        v[2] ^= 0xff;
        for (int i = 0; i < 4; ++i)
            round(v);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
    }

private:
    static std::uint64_t word(std::string_view bytes)  // little-endian, at most 8
    {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i)
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
        return value;
    }
    static void absorb(std::uint64_t (&v)[4], std::uint64_t m)
    {
        v[3] ^= m;
        round(v);
        round(v);
        v[0] ^= m;
    }
    static void round(std::uint64_t (&v)[4])
    {
        v[0] += v[1];
        v[1] = std::rotl(v[1], 13) ^ v[0];
        v[0] = std::rotl(v[0], 32);
        v[2] += v[3];
        v[3] = std::rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = std::rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = std::rotl(v[1], 17) ^ v[2];
        v[2] = std::rotl(v[2], 32);
    }

    HashKey key_;
};

}  // namespace posthouse
