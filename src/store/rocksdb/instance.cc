#include "store/rocksdb/instance.h"

#include "store/rocksdb/layout.h"

#include <algorithm>
#include <array>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/system_clock.h>
#include <rocksdb/table.h>
#include <sys/resource.h>

#include <fmt/format.h>

namespace posthouse::store {

namespace {

class Listener final : public rocksdb::EventListener {
public:
    Listener(Log& log, Instance::OnFailure on_failure) : log_(log), on_failure_(std::move(on_failure)) { }

    // Outlives the background jobs, as the database waits for them when it is closed.
    void watch(rocksdb::DB* db) { db_ = db; }

    void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override
    {
        const std::string what = status->ToString();
        log_.write(LogLevel::alarm, "store/rocksdb", 0, "the store's background work failed",
                   {{"reason", std::to_string(static_cast<int>(reason))}, {"error", what}});
        // A compaction may wait until there is room for it.
        const bool waits = reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsNoSpace();
        if (waits)
            return;
        // A flush that the disk had no room for is no error to RocksDB while paranoid_checks is off, and is not tried
        // again: whoever waits for it would wait for ever. Everything is in the log, which the next instance reads.
        if (rocksdb::DB* const db = db_; db != nullptr && !status->IsCorruption())
            rocksdb::CancelAllBackgroundWork(db, false);
        on_failure_(*status);
    }
    // Damage met by a compaction is no background error while paranoid_checks is off.
    void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) override
    {
        if (job.status.IsCorruption())
            on_failure_(job.status);
    }

private:
    Log& log_;
    Instance::OnFailure on_failure_;
    std::atomic<rocksdb::DB*> db_ = nullptr;
};

// RocksDB's own notes go nowhere but for its warnings and errors, which come into our log.
class NoteTaker final : public rocksdb::Logger {
public:
    explicit NoteTaker(Log& log) : rocksdb::Logger(rocksdb::WARN_LEVEL), log_(log) { }
    using rocksdb::Logger::Logv;
    void Logv(const char* format, va_list arguments) override { write(LogLevel::info, format, arguments); }
    void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override
    {
        if (level < GetInfoLogLevel() || level == rocksdb::HEADER_LEVEL)
            return;
        write(level >= rocksdb::ERROR_LEVEL ? LogLevel::error : LogLevel::warning, format, arguments);
    }

private:
    void write(LogLevel level, const char* format, va_list arguments)
    {
        char text[1024];
        std::vsnprintf(text, sizeof text, format, arguments);
        log_.write(level, "store/rocksdb", 0, "rocksdb says", {{"text", text}});
    }
    Log& log_;
};

// After an error RocksDB's background threads sleep for a second; tests, whose disks fail at once and
// often, would spend their time there.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
public:
    ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) { }
    const char* Name() const override { return "ImpatientClock"; }
    void SleepForMicroseconds(int micros) override { target_->SleepForMicroseconds(std::min(micros, 1000)); }
};

class TestEnvironment final : public rocksdb::EnvWrapper {
public:
    explicit TestEnvironment(const std::shared_ptr<rocksdb::FileSystem>& files) :
        EnvWrapper(rocksdb::NewCompositeEnv(files))
    {
        file_system_ = files;
        system_clock_ = std::make_shared<ImpatientClock>();
    }
};

int open_files(int wanted)
{
    rlimit limit;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return wanted;
    return std::clamp(static_cast<int>(std::min<rlim_t>(limit.rlim_cur / 4, 1 << 20)), 20, std::max(20, wanted));
}

rocksdb::DBOptions database_options(const RocksOptions& options, Log& log)
{
    rocksdb::DBOptions db;
    db.create_if_missing = true;
    db.create_missing_column_families = true;
    // On, one flipped bit would stop every later write (measured); checksums are verified on every read.
    db.paranoid_checks = false;
    // salvage.h has looked at the logs and left only good records in them: nothing is to be skipped.
    db.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
    db.max_total_wal_size = options.wal_bytes;
    db.allow_fallocate = options.preallocate;
    db.max_open_files = open_files(options.open_files);
    db.max_background_jobs = 2;
    db.max_subcompactions = 1;
    db.max_file_opening_threads = 2;
    // A failed job means a new instance; RocksDB's own retries would hide it.
    db.max_bgerror_resume_count = 0;
    db.bytes_per_sync = 1 << 20;
    db.stats_dump_period_sec = 0;
    db.stats_persist_period_sec = 0;
    db.enable_write_thread_adaptive_yield = false;  // one writer
    db.allow_concurrent_memtable_write = false;
    db.skip_stats_update_on_db_open = true;
    db.skip_checking_sst_file_sizes_on_db_open = true;
    db.info_log = std::make_shared<NoteTaker>(log);
    return db;
}

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.cache_index_and_filter_blocks = true;  // memory stays what block_cache_bytes says
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.format_version = 5;
    table.checksum = rocksdb::kCRC32c;  // tells a flipped bit's place (flipped_bit.h)
    return table;
}

rocksdb::ColumnFamilyOptions rows_options(const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = options.rows_buffer_bytes;
    family.max_write_buffer_number = 3;
    // A merge into the base level rewrites most of it: twice the buffer and twice the files before it made APPEND a
    // third cheaper. Each row that is asked for and not there (a Message-ID) would be looked for in every buffer.
    family.level0_file_num_compaction_trigger = 8;
    family.memtable_prefix_bloom_size_ratio = 0.02;
    family.memtable_whole_key_filtering = true;
    family.target_file_size_base = options.table_bytes;
    family.level_compaction_dynamic_level_bytes = true;
    // Rows are read far more often than written, and are few bytes beside the bodies: zstd in blocks of 4 KiB was a
    // good part of a listing's time.
    family.compression = rocksdb::kLZ4Compression;
    rocksdb::BlockBasedTableOptions table = table_options(cache);
    table.block_size = 16 * 1024;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return family;
}

rocksdb::ColumnFamilyOptions bodies_options(const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::ColumnFamilyOptions family = rows_options(options, cache);
    family.write_buffer_size = options.bodies_buffer_bytes;
    family.enable_blob_files = true;
    family.min_blob_size = 2048;
    family.compression = rocksdb::kNoCompression;  // values come packed (packing.h), the rest are references
    family.blob_compression_type = rocksdb::kNoCompression;
    family.blob_file_size = 64 << 20;
    // With the automatic one every compaction rewrites the bodies of its oldest files, garbage or not
    // (measured: 16 % of all CPU at once). Ours (garbage.h) runs when half of a stretch is garbage.
    family.enable_blob_garbage_collection = false;
    family.periodic_compaction_seconds = 7 * 24 * 3600;  // erasures reach their files' account
    family.blob_cache = cache;
    return family;
}

struct Setup {
    rocksdb::DBOptions db;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    std::unique_ptr<rocksdb::Env> env;
};

Setup set_up(const RocksOptions& options, Log& log)
{
    const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
    Setup setup{database_options(options, log), {}, nullptr};
    rocksdb::ColumnFamilyOptions unused;
    unused.write_buffer_size = 64 << 10;
    setup.families = {{rocksdb::kDefaultColumnFamilyName, unused},
                      {"rows", rows_options(options, cache)},
                      {"bodies", bodies_options(options, cache)}};
    if (options.file_system) {
        setup.env = std::make_unique<TestEnvironment>(options.file_system);
        setup.db.env = setup.env.get();
    }
    return setup;
}

std::string database_folder(const RocksOptions& options) { return options.folder + "/db"; }

Result<void> check_format(Instance& instance)
{
    std::string value;
    const rocksdb::Status got =
        instance.db().Get({}, instance.rows(), rocksdb::Slice(format_key.data(), format_key.size()), &value);
    if (got.IsNotFound()) {
        rocksdb::WriteOptions synced;
        synced.sync = true;
        const rocksdb::Status put =
            instance.db().Put(synced, instance.rows(), rocksdb::Slice(format_key.data(), format_key.size()),
                              std::string(1, static_cast<char>(format_version)));
        return put.ok() ? Result<void>{} : fail(to_error(put, "cannot write the store's format"));
    }
    if (!got.ok())
        return fail(to_error(got, "cannot read the store's format"));
    if (value.empty() || static_cast<std::uint8_t>(value[0]) > format_version)
        return fail(ErrorCode::not_permitted, "the store was made by a newer program");
    return {};
}

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view doing)
{
    ErrorCode code = ErrorCode::io;
    if (status.IsCorruption())
        code = ErrorCode::corrupt;
    else if (status.IsNoSpace())
        code = ErrorCode::no_space;
    else if (status.IsTimedOut())
        code = ErrorCode::timeout;
    return {code, fmt::format("{}: {}", doing, status.ToString())};
}

Result<std::shared_ptr<Instance>> Instance::open(const RocksOptions& options, Log& log, OnFailure on_failure)
{
    Setup setup = set_up(options, log);
    const auto listener = std::make_shared<Listener>(log, std::move(on_failure));
    setup.db.listeners.push_back(listener);
    const std::shared_ptr<Instance> instance(new Instance);
    instance->env_ = std::move(setup.env);
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened =
        rocksdb::DB::Open(setup.db, database_folder(options), setup.families, &instance->families_, &db);
    if (!opened.ok())
        return fail(to_error(opened, "cannot open the store"));
    instance->db_.reset(db);
    listener->watch(db);
    if (auto checked = check_format(*instance); !checked)
        return fail(checked.error());
    return instance;
}

Result<std::shared_ptr<Instance>> Instance::open_to_read(const RocksOptions& options, Log& log)
{
    Setup setup = set_up(options, log);
    const std::shared_ptr<Instance> instance(new Instance);
    instance->env_ = std::move(setup.env);
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened =
        rocksdb::DB::OpenForReadOnly(setup.db, database_folder(options), setup.families, &instance->families_, &db);
    if (!opened.ok())
        return fail(to_error(opened, "cannot open the store to read"));
    instance->db_.reset(db);
    return instance;
}

Instance::~Instance()
{
    if (!db_)
        return;
    for (rocksdb::ColumnFamilyHandle* family : families_)
        db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
}

void Instance::stop_compacting()
{
    const std::unordered_map<std::string, std::string> options{{"disable_auto_compactions", "true"},
                                                               {"level0_slowdown_writes_trigger", "100000"},
                                                               {"level0_stop_writes_trigger", "100000"},
                                                               {"soft_pending_compaction_bytes_limit", "0"},
                                                               {"hard_pending_compaction_bytes_limit", "0"}};
    for (rocksdb::ColumnFamilyHandle* family : families_)
        db_->SetOptions(family, options).PermitUncheckedError();
}

rocksdb::Status Instance::flush()
{
    rocksdb::FlushOptions options;
    options.wait = true;
    options.allow_write_stall = true;  // else it waits for compactions first, which a full disk may not let happen
    return db_->Flush(options, families_);
}

}  // namespace posthouse::store
