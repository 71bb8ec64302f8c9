// Puts files right that one flipped bit has damaged (flipped_bit.h), where they lie.
//
// RocksDB's files carry a checksum on every block and record; what has none (CURRENT, a table's
// footer, a blob file's header) is short, and has only one right form. So a single flipped bit, which
// is how bad memory and old disks begin, costs nothing. Before a file is changed the damaged block is
// kept in `damaged/`, and each repair is an alarm: the disk or the memory needs to be replaced.
//
// Other damage stays: it is noticed at every read, and kept to the rows of its block.
//
// Threads: any; one repair at a time.
#pragma once

#include "base/log.h"
#include "base/result.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace posthouse::store {

class Mender {
public:
    // `db`: the folder with RocksDB's files; `aside`: where damaged pieces are kept.
    Mender(std::string db, std::string aside, Log& log) : db_(std::move(db)), aside_(std::move(aside)), log_(log) { }

    // Before opening: CURRENT, the MANIFEST, the write-ahead logs, and the properties of every table,
    // which RocksDB does without when they are damaged, and then misreads the table. Logs are mended
    // only in front of good records: a torn tail is no damage.
    void mend_before_opening();
    // After RocksDB met damage: `what` is its status' text, which names the block or only the kind of
    // file. True: something was put right, by this call or another reader's meanwhile, and it is worth
    // trying again. Where no file is named all of
    // them are read, as far as that is quick and was not just done in vain.
    bool mend(std::string_view what);

private:
    bool search();
    bool mend_current();
    bool mend_log(const std::string& path, std::uint64_t number, bool tail_too);
    bool mend_block(const std::string& path, std::uint64_t offset, std::uint64_t size);
    bool mend_footer(const std::string& path);
    bool mend_meta_blocks(const std::string& path);
    void mend_properties(const std::string& path);
    bool mend_blob_file(const std::string& path);
    bool mend_blob_record(const std::string& path, std::uint64_t offset, std::uint64_t& next, std::uint64_t end);
    bool replace(const std::string& path, std::uint64_t offset, std::string_view before, std::string_view after);

    std::string db_;
    std::string aside_;
    Log& log_;
    std::mutex mutex_;
    std::atomic<std::uint64_t> repairs_{0};
    std::chrono::steady_clock::time_point last_search_{};  // that found nothing
};

}  // namespace posthouse::store
