#include "store/rocksdb/options.h"

#include <algorithm>

namespace posthouse::store {

namespace {

// From this capacity on everything is as it was asked for.
constexpr std::uint64_t roomy = 4ull << 30;

void at_most(std::size_t& value, std::uint64_t most, std::uint64_t least)
{
    value = std::min<std::uint64_t>(value, std::max(most, least));
}

}  // namespace

RocksOptions fitted(RocksOptions options, std::uint64_t capacity)
{
    options.intake_floor_bytes = std::min(options.intake_floor_bytes, capacity / 10);
    options.reserve_bytes = std::min(options.reserve_bytes, capacity / 20);
    if (capacity >= roomy)
        return options;
    options.preallocate = false;
    at_most(options.wal_bytes, capacity / 40, 1 << 20);
    at_most(options.bodies_buffer_bytes, capacity / 160, 256 << 10);
    at_most(options.rows_buffer_bytes, capacity / 320, 128 << 10);
    at_most(options.table_bytes, capacity / 40, 1 << 20);
    return options;
}

}  // namespace posthouse::store
