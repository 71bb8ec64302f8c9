// What is done to the write-ahead logs before RocksDB opens them.
//
// A torn tail is the normal end after a crash, and is cut off. Damage with good records behind it is
// not: the log is copied to `damaged/`, and written anew from its good records, so that RocksDB
// replays all of them. Each is atomic by itself; which partitions were touched is told, so that
// whoever owns them can check what depends on the records that were lost.
//
// Threads: one, while nobody has the folder open.
#pragma once

#include "base/log.h"
#include "base/result.h"
#include "store/store.h"

#include <set>
#include <string>
#include <vector>

namespace posthouse::store {

struct SalvageReport {
    std::size_t logs = 0;
    std::uint64_t records = 0;  // good ones, in all logs
    std::uint64_t bytes = 0;
    std::uint64_t torn_logs = 0;
    std::uint64_t damaged_places = 0;  // with good records behind them
    std::set<Partition> touched;  // by the records behind damage: to be checked by their owners
    std::vector<std::string> copies;  // in `damaged/`
};

// `db`: the folder with RocksDB's files. `aside`: made only when needed. `last_sequence`: records
// that begin behind it are cut off too (they belong to a write whose sync failed and that was told
// to have failed); ~0 keeps all.
Result<SalvageReport> salvage_logs(const std::string& db, const std::string& aside, std::uint64_t last_sequence,
                                   Log& log);

}  // namespace posthouse::store
