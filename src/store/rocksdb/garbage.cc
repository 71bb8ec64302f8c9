#include "store/rocksdb/garbage.h"

#include <algorithm>

#include <rocksdb/metadata.h>

namespace posthouse::store {

namespace {

std::vector<BlobFile> blob_files(Instance& instance)
{
    rocksdb::ColumnFamilyMetaData meta;
    instance.db().GetColumnFamilyMetaData(instance.bodies(), &meta);
    std::vector<BlobFile> files;
    files.reserve(meta.blob_files.size());
    for (const auto& file : meta.blob_files)
        files.push_back({file.blob_file_number, file.total_blob_bytes, file.garbage_blob_bytes});
    std::ranges::sort(files, {}, &BlobFile::number);
    return files;
}

// The tables of this family hold references only: compacting all of them moves few bytes.
rocksdb::Status compact(Instance& instance, double share_to_rewrite)
{
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.blob_garbage_collection_policy = share_to_rewrite > 0 ? rocksdb::BlobGarbageCollectionPolicy::kForce
                                                                  : rocksdb::BlobGarbageCollectionPolicy::kDisable;
    options.blob_garbage_collection_age_cutoff = share_to_rewrite;
    return instance.db().CompactRange(options, instance.bodies(), nullptr, nullptr);
}

}  // namespace

std::size_t files_to_rewrite(const std::vector<BlobFile>& files)
{
    std::uint64_t bytes = 0;
    std::uint64_t garbage = 0;
    std::size_t most = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
        bytes += files[i].bytes;
        garbage += files[i].garbage;
        if (garbage > 0 && garbage >= bytes - garbage)
            most = i + 1;
    }
    return most;
}

Result<bool> collect_garbage(Instance& instance, bool thorough)
{
    if (thorough) {
        if (const rocksdb::Status flushed = instance.flush(); !flushed.ok())
            return fail(to_error(flushed, "cannot flush"));
        if (const rocksdb::Status compacted = compact(instance, 0); !compacted.ok())
            return fail(to_error(compacted, "cannot compact"));
    }
    const std::vector<BlobFile> files = blob_files(instance);
    const std::size_t count = files_to_rewrite(files);
    if (count == 0)
        return false;
    // RocksDB takes the files below index `share * count`, rounded down.
    const double share = std::min(1.0, (static_cast<double>(count) + 0.5) / static_cast<double>(files.size()));
    if (const rocksdb::Status compacted = compact(instance, share); !compacted.ok())
        return fail(to_error(compacted, "cannot rewrite blob files"));
    return true;
}

}  // namespace posthouse::store
