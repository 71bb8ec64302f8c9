// Backups of the running store, and bringing one back.
//
// A backup folder holds any number of backups; a later one shares the files it has in common with
// earlier ones, each file with its checksum. A backup is consistent: everything acknowledged before
// it began is in it. These functions block, for minutes in a big store; never on a loop.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>

namespace posthouse::store {

class Instance;

struct BackupReport {
    std::uint32_t number = 0;  // of the backup in its folder, from 1
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;  // of all its files, also those it shares
};

// `folder` is made if missing; its parent must exist. On return all of it is safe on disk. For a
// store that is open: RocksStore::back_up().
Result<BackupReport> back_up(Instance& instance, const std::string& folder);

// Writes the latest backup of `backup` into the store folder `folder`, which must not hold a store.
// Every file's checksum is verified.
Result<BackupReport> restore(const std::string& backup, const std::string& folder);

}  // namespace posthouse::store
