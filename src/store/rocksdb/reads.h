// Reading from one instance: plain functions, which block when allowed to.
//
// With Reach::memory nothing touches the disk: `Incomplete` means that the same call must be made
// again with Reach::disk, on a thread that may block. Bodies come as they are stored: packed.
// Threads: any.
#pragma once

#include "store/rocksdb/instance.h"

namespace posthouse::store {

enum class Reach { memory, disk };

rocksdb::Status read_value(Instance& instance, Reach reach, Partition partition, const Key& key, Space space,
                           std::optional<Value>& value);
// The same of several at once, by the disk where needed, and not kept in the block cache: they would drive others out.
// `take` gets each one that is there, by its place in `keys`, and may refuse it.
using Take = std::function<rocksdb::Status(std::size_t, std::string_view)>;
rocksdb::Status read_values(Instance& instance, Partition partition, const std::vector<Key>& keys, Space space,
                            const Take& take);
rocksdb::Status read_page(Instance& instance, Reach reach, Partition partition, const Range& range, Space space,
                          std::size_t most_rows, std::size_t most_bytes, Page& page);
rocksdb::Status read_last(Instance& instance, Reach reach, Partition partition, const Range& range,
                          std::optional<Row>& row);
rocksdb::Status read_partitions(Instance& instance, PartitionKind kind, std::uint64_t from, std::size_t most,
                                std::vector<Partition>& partitions);

}  // namespace posthouse::store
