// Randomness, handed in so that tests can repeat themselves.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <string>

namespace posthouse {

// Threads: any. Lifetime: outlives every session.
class Random {
public:
    virtual ~Random() = default;
    virtual void fill(std::span<std::byte> out) = 0;

    std::uint64_t number();
    std::string bytes(std::size_t count);
};

// From the operating system: fit for keys, salts and nonces.
class SystemRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override;
};

// For tests: the same seed gives the same bytes.
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) { }
    void fill(std::span<std::byte> out) override;

private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

}  // namespace posthouse
