// What a RocksDB store is opened with. The defaults are right for a machine with little memory: an
// empty house stays under 64 MiB resident, a busy one under 150.
#pragma once

#include "base/time.h"
#include "store/rocksdb/folder.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace rocksdb {
class FileSystem;
}

namespace posthouse::store {

struct RocksOptions {
    std::string folder;  // made if missing; its parent must exist
    // For the control run of the power-cut test alone: answers `ok` before anything is on disk.
    bool unsafe_no_sync = false;

    std::size_t block_cache_bytes = 32 << 20;  // rows, indexes, filters and bodies together
    std::size_t rows_buffer_bytes = 16 << 20;  // one memtable
    std::size_t bodies_buffer_bytes = 16 << 20;
    std::size_t wal_bytes = 64 << 20;  // at most, in all logs
    std::size_t table_bytes = 64 << 20;  // of one table file, about
    bool preallocate = true;  // room for logs and tables before they are written: saves time in each sync
    int open_files = 256;  // at most, of tables and blob files; less where the process may open fewer

    // Free space below which intake is refused, and what the reserve file holds for deletes (HOSTILE
    // F6). What is in the logs needs as much room again before they can go: both are more than them.
    std::uint64_t intake_floor_bytes = 256 << 20;
    std::uint64_t reserve_bytes = 64 << 20;
    std::uint64_t intake_floor_inodes = 100;

    // How often the keeper looks while something goes on.
    Duration tick = 200ms;

    // Tests put failing ones here; null: the operating system's.
    std::shared_ptr<rocksdb::FileSystem> file_system;
    std::function<Result<DiskSpace>(const std::string& folder)> disk_space;
};

// The options for a disk of this capacity: on a small one the floor is at most a tenth, the reserve a
// twentieth, and logs, buffers and tables are so small that both hold a flush of everything.
RocksOptions fitted(RocksOptions options, std::uint64_t capacity);

}  // namespace posthouse::store
