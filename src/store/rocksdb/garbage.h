// Giving the room of erased bodies back.
//
// Blob files are written once; a body that was erased or replaced stays in its file as garbage until
// the file is rewritten without it. Files are rewritten from the oldest on, when at least half of
// what would be rewritten is garbage: so the store is never more than about twice its content, and a
// byte is not rewritten more often than it is worth.
#pragma once

#include "store/rocksdb/instance.h"

namespace posthouse::store {

struct BlobFile {
    std::uint64_t number;
    std::uint64_t bytes;
    std::uint64_t garbage;
};

// How many of the oldest files to rewrite; 0: it does not pay. `files` in order of their numbers.
std::size_t files_to_rewrite(const std::vector<BlobFile>& files);

// Does it. Blocks; for the maintenance thread. `thorough` first lets every erasure reach its file's
// account, as when the disk is nearly full. True: something was rewritten.
Result<bool> collect_garbage(Instance& instance, bool thorough);

}  // namespace posthouse::store
