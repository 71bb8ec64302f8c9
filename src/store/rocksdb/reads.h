// Reading from one instance: plain functions, which block when allowed to.
//
// With Reach::memory nothing touches the disk: `Incomplete` means that the same call must be made
// again with Reach::disk, on a thread that may block. Bodies come as they are stored: packed.
// Threads: any.
#pragma once

#include "store/rocksdb/instance.h"

namespace posthouse::store {

enum class Reach { memory, disk };

// `keep`: in the block cache. What is read once in a long row of others would only drive others out of it.
enum class Keep : bool { no, yes };
rocksdb::Status read_value(Instance& instance, Reach reach, Partition partition, const Key& key, Space space,
                           std::optional<Value>& value, Keep keep = Keep::yes);
rocksdb::Status read_page(Instance& instance, Reach reach, Partition partition, const Range& range, Space space,
                          std::size_t most_rows, std::size_t most_bytes, Page& page);
rocksdb::Status read_last(Instance& instance, Reach reach, Partition partition, const Range& range,
                          std::optional<Row>& row);
rocksdb::Status read_partitions(Instance& instance, PartitionKind kind, std::uint64_t from, std::size_t most,
                                std::vector<Partition>& partitions);

}  // namespace posthouse::store
