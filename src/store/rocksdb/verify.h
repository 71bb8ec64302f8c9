// Reads every byte of the store with its checksums, and says what is damaged and whose it is.
#pragma once

#include "store/store.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace posthouse::store {

class Instance;

// Rows that cannot be read: between the last good one before and the first good one behind.
struct DamagedRows {
    Partition partition;
    Space space = Space::rows;
    std::optional<Key> after;  // nullopt: from the partition's beginning
    std::optional<Key> before;  // nullopt: to its end
    std::string error;
};

struct VerifyReport {
    std::uint64_t rows = 0;
    std::uint64_t bodies = 0;
    std::uint64_t bytes = 0;  // of keys and values read
    std::uint64_t files = 0;
    std::uint64_t mended = 0;  // blocks in which one flipped bit was put right on the way
    std::vector<DamagedRows> damaged;  // at most 1,000
    std::vector<std::string> faults;  // a sentence each: damaged files, damaged rows; at most 2,000
    bool is_clean() const { return faults.empty(); }
};

// Blocks for as long as reading everything takes. `stop` ends it early with `cancelled`. `check_body`
// judges a stored body (Packer::unpack); `mend` is told the text of an error, and answers whether it is
// worth trying again.
struct VerifyHelp {
    std::function<bool(std::string_view stored)> check_body;
    std::function<bool(const std::string& error)> mend;
};
Result<VerifyReport> verify(Instance& instance, const std::atomic<bool>& stop, const VerifyHelp& help);

}  // namespace posthouse::store
