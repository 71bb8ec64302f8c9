// How a value of Space::bodies is stored: packed where that saves space.
//
//   u8 0, bytes                as they are
//   u8 1, zstd frame           with its content size, at most what a value may have
//   u8 2, u16 size, LZ4 block  the size big-endian
//
// Most messages are small and read by the thousand: LZ4 unpacks them at the speed of copying. Most bytes are in chunks
// of large ones, base64 of which only zstd makes less.
//
// RocksDB could pack blob files itself; doing it before the commit costs half (its own makes a new
// zstd context for every value) and packs the log and the memtables too. Packing runs on the
// caller's thread, so the commit thread never waits for it.
//
// Threads: any.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace posthouse::store {

class Packer {
public:
    Packer();
    ~Packer();
    std::string pack(std::string_view value);
    // `corrupt` for what pack() never made, or what would grow past `most_bytes`.
    Result<std::string> unpack(std::string_view stored, std::size_t most_bytes);

private:
    class Contexts;
    std::unique_ptr<Contexts> contexts_;
};

}  // namespace posthouse::store
