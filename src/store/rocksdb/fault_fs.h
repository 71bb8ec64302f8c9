// A file system under RocksDB that can lose power: for tests of durability.
//
// It writes to real files but syncs nothing; instead it remembers what no sync has followed yet.
// cut_power() takes that back, as far as it likes, and from then on every call fails. What a disk may
// do is allowed here: of unsynced writes any pages may be there, in any order; names made, changed or
// removed since the folder's last sync may be undone from any point on.
//
// Threads: any. Lifetime: outlives every database on it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

namespace posthouse::store {

enum class Fault { none, io, no_space };

// What happens to writes that were not synced when the power goes.
enum class Unsynced { lost, cut_short, scattered };

class FaultFileSystem final : public rocksdb::FileSystemWrapper {
public:
    FaultFileSystem();
    ~FaultFileSystem() override;
    const char* Name() const override { return "FaultFileSystem"; }

    // The n-th sync of a file, or write, from now (1: the next) fails. A failed sync leaves its data
    // in limbo: read back until the power goes, then gone, whatever later syncs say.
    void fail_sync(std::uint64_t n, Fault fault);
    void fail_write(std::uint64_t n, Fault fault);
    void forget_faults();
    // Every write and sync fails until this is called with Fault::none.
    void fail_all(Fault fault);
    // What is written to tables and files of bodies fails, but not what goes into logs.
    void fail_tables(Fault fault);
    // Syncs block until released.
    void hold_syncs();
    void release_syncs();
    std::uint64_t syncs() const;
    std::uint64_t writes() const;

    void cut_power(Unsynced unsynced, std::uint64_t seed);

    rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* file,
                                        rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSWritableFile>* file,
                                         rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                      rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                   std::unique_ptr<rocksdb::FSDirectory>* directory,
                                   rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus Truncate(const std::string& name, std::size_t size, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

private:
    friend class FaultWritableFile;
    friend class FaultRandomFile;
    friend class FaultDirectory;

    struct Write {  // one that no sync has followed
        std::uint64_t offset;
        std::uint64_t length;
        std::string before;  // what stood there; shorter where the file ended
        bool doomed = false;  // its sync failed
    };
    struct Contents {
        std::string path;
        std::uint64_t size = 0;
        std::vector<Write> unsynced;
    };
    struct NameChange {  // one that no sync of its folder has followed
        enum class Kind { made, renamed, removed } kind;
        std::string path;
        std::string from;  // renamed
        std::string kept;  // where a removed or replaced file waits to come back; empty: there was none
    };

    rocksdb::IOStatus append(Contents& contents, int descriptor, const rocksdb::Slice& data);
    rocksdb::IOStatus truncate(Contents& contents, int descriptor, std::uint64_t size);
    rocksdb::IOStatus write_at(Contents& contents, rocksdb::FSRandomRWFile& target, std::uint64_t offset,
                               const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug);
    rocksdb::IOStatus sync(Contents& contents);
    rocksdb::IOStatus sync_names(const std::string& folder);
    rocksdb::IOStatus fault_of(std::uint64_t number, std::map<std::uint64_t, Fault>& faults);
    rocksdb::IOStatus no_power() const;
    std::shared_ptr<Contents> contents_of(const std::string& path, std::uint64_t size);
    std::string keep(const std::string& path);
    void take_back_writes(Contents& contents, Unsynced unsynced, std::uint64_t seed);
    void take_back_names(std::size_t from);

    mutable std::mutex mutex_;
    std::condition_variable released_;
    bool holding_ = false;
    bool powered_ = true;
    Fault all_ = Fault::none;
    Fault tables_ = Fault::none;
    std::uint64_t syncs_ = 0;
    std::uint64_t writes_ = 0;
    std::uint64_t kept_ = 0;
    std::map<std::uint64_t, Fault> sync_faults_;
    std::map<std::uint64_t, Fault> write_faults_;
    std::map<std::string, std::shared_ptr<Contents>> files_;
    std::vector<NameChange> names_;
};

// Changes one bit of a file as a bad disk does.
void flip_bit(const std::string& path, std::uint64_t bit);

}  // namespace posthouse::store
