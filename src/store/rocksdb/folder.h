// The store's folder: who holds it, and the files kept beside RocksDB's own.
//
//   lock       held while the store is open; its text is the holder's process id
//   reserve    room given up when the disk is nearly full, so that deletes go on (HOSTILE F6)
//   probe      written to see whether the disk takes writes again
//   db/        RocksDB's files
//   damaged/   copies of files that were found damaged, by time: kept for a person to look at
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>

namespace posthouse::store {

// Held from take() to destruction. Threads: one.
class FolderLock {
public:
    // Fails with `already_exists` and the holder's process id where another one holds it.
    static Result<FolderLock> take(const std::string& folder);
    FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) { }
    FolderLock& operator=(FolderLock&& other) noexcept;
    ~FolderLock();

private:
    explicit FolderLock(int descriptor) : descriptor_(descriptor) { }
    int descriptor_;
};

struct DiskSpace {
    std::uint64_t free;  // for us, not for root alone
    std::uint64_t capacity;
    std::uint64_t free_inodes;  // ~0 where the file system does not count them
};
Result<DiskSpace> disk_space(const std::string& folder);

// All of these are safe on disk on return.
Result<void> make_folder(const std::string& folder);
Result<void> write_file(const std::string& path, std::string_view bytes);  // by a new file and rename
Result<void> cut_file(const std::string& path, std::uint64_t size);
Result<std::string> read_file(const std::string& path);
Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::uint64_t size);  // less at the end
Result<void> overwrite_file(const std::string& path, std::uint64_t offset, std::string_view bytes);  // in place
Result<std::uint64_t> file_size(const std::string& path);
Result<void> copy_file(const std::string& from, const std::string& to);
Result<void> sync_folder(const std::string& folder);

// The file `reserve`: makes it as large as `bytes`, blocks allocated; gives it up.
Result<void> keep_reserve(const std::string& folder, std::uint64_t bytes);
void give_up_reserve(const std::string& folder);
bool has_reserve(const std::string& folder);

// In the files `*.log` of a folder of RocksDB's.
std::uint64_t bytes_of_logs(const std::string& folder);

// Whether the disk takes writes: a small file, written and synced.
Result<void> probe_disk(const std::string& folder);

}  // namespace posthouse::store
