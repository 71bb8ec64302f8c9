// Inflating whatever comes: no crash, never more than the room given, and any chunking gives the same bytes.
#include "net/deflate.h"

#include <cstdlib>
#include <vector>

namespace {

using namespace posthouse::net;

constexpr std::size_t most = 256 * 1024;

std::string inflated(std::string_view packed, std::size_t step, std::size_t block)
{
    Inflater inflater;
    std::string out;
    for (std::size_t at = 0; at < packed.size(); at += step) {
        std::string_view piece = packed.substr(at, step);
        for (;;) {
            std::vector<char> memory(block);
            std::span<char> room(memory);
            const Inflater::Outcome outcome = inflater.inflate(piece, room);
            if (room.size() > block)
                std::abort();
            out.append(memory.data(), block - room.size());
            if (out.size() > most)
                return out.substr(0, most);
            if (outcome == Inflater::Outcome::ended || outcome == Inflater::Outcome::broken)
                return out;
            if (outcome == Inflater::Outcome::starved)
                break;
        }
        if (!piece.empty())
            std::abort();
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string whole = inflated(bytes, bytes.size() + 1, 64 * 1024);
    if (inflated(bytes, 1, 64 * 1024) != whole || inflated(bytes, 7, 4096) != whole)
        std::abort();
    const std::vector<std::string> pieces{std::string(bytes), std::string(bytes)};
    const auto packed = deflate(pieces);
    if (!packed || inflated(*packed, 5, 100) != std::string(bytes) + std::string(bytes))
        std::abort();
    return 0;
}
