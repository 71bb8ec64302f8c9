// Blobs over any Store: chunk rows in a partition of their own (docs/store-layout.md, "Blobs").
//
// Chunks are written lazily as they arrive; finish() is the one synced commit that makes them safe.
// Each chunk's commit checks the one before, so a store that lost lazy chunks in between (a failed
// sync) cannot be talked into finishing a blob with a hole.
//
// Limits: a blob has at most 2^32 chunks of 64 KiB. A writer holds at most 256 KiB in memory.
#pragma once

#include "store/store.h"

#include <memory>

namespace posthouse::store {

inline constexpr std::size_t blob_chunk_bytes = 64 * 1024;

// Lifetime: store and ids outlive the Blobs, the Blobs its writers.
std::unique_ptr<Blobs> make_blobs(Store& store, IdSource& ids);

}  // namespace posthouse::store
