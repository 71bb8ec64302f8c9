#include "base/random.h"

#include <cstring>
#include <stdexcept>

#include <sys/random.h>

namespace posthouse {

std::uint64_t Random::number()
{
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

std::string Random::bytes(std::size_t count)
{
    std::string out(count, '\0');
    fill(std::as_writable_bytes(std::span(out)));
    return out;
}

void SystemRandom::fill(std::span<std::byte> out)
{
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno != EINTR)
            throw std::runtime_error("getrandom failed");
        if (got > 0)
            out = out.subspan(static_cast<std::size_t>(got));
    }
}

void SeededRandom::fill(std::span<std::byte> out)
{
    const std::scoped_lock lock(mutex_);
    for (std::size_t at = 0; at < out.size();) {
        const std::uint64_t word = engine_();
        const std::size_t count = std::min(sizeof word, out.size() - at);
        std::memcpy(out.data() + at, &word, count);
        at += count;
    }
}

}  // namespace posthouse
