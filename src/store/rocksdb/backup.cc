#include "store/rocksdb/backup.h"

#include "store/rocksdb/folder.h"
#include "store/rocksdb/instance.h"

#include <filesystem>

#include <fmt/format.h>
#include <rocksdb/utilities/backup_engine.h>

namespace posthouse::store {

namespace {

rocksdb::BackupEngineOptions backup_options(const std::string& folder)
{
    rocksdb::BackupEngineOptions options(folder);
    options.share_table_files = true;
    options.share_files_with_checksum = true;
    options.sync = true;
    options.backup_log_files = true;
    options.max_background_operations = 1;
    return options;
}

BackupReport report_of(const rocksdb::BackupInfo& info)
{
    return {.number = info.backup_id, .files = info.number_files, .bytes = info.size};
}

}  // namespace

Result<BackupReport> back_up(Instance& instance, const std::string& folder)
{
    if (auto made = make_folder(folder); !made)
        return fail(made.error());
    rocksdb::BackupEngine* opened = nullptr;
    const rocksdb::IOStatus status =
        rocksdb::BackupEngine::Open(backup_options(folder), instance.db().GetEnv(), &opened);
    if (!status.ok())
        return fail(to_error(status, "cannot open the backup folder " + folder));
    const std::unique_ptr<rocksdb::BackupEngine> engine(opened);
    rocksdb::CreateBackupOptions create;
    create.flush_before_backup = true;
    create.decrease_background_thread_cpu_priority = true;
    create.background_thread_cpu_priority = rocksdb::CpuPriority::kLow;
    rocksdb::BackupID number = 0;
    if (const rocksdb::IOStatus made = engine->CreateNewBackup(create, &instance.db(), &number); !made.ok())
        return fail(to_error(made, "cannot back up into " + folder));
    rocksdb::BackupInfo info;
    if (const rocksdb::Status got = engine->GetBackupInfo(number, &info); !got.ok())
        return fail(to_error(got, "cannot read back the backup in " + folder));
    return report_of(info);
}

Result<BackupReport> restore(const std::string& backup, const std::string& folder)
{
    const std::string db = folder + "/db";
    std::error_code ignored;
    if (std::filesystem::exists(db, ignored))
        return fail(ErrorCode::already_exists, fmt::format("{} holds a store already", folder));
    if (!std::filesystem::is_directory(backup, ignored))
        return fail(ErrorCode::not_found, fmt::format("there is no backup in {}", backup));
    rocksdb::BackupEngineReadOnly* opened = nullptr;
    const rocksdb::IOStatus status =
        rocksdb::BackupEngineReadOnly::Open(backup_options(backup), rocksdb::Env::Default(), &opened);
    if (!status.ok())
        return fail(to_error(status, "cannot open the backup folder " + backup));
    std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(opened);
    rocksdb::BackupInfo latest;
    if (!engine->GetLatestBackupInfo(&latest).ok())
        return fail(ErrorCode::not_found, fmt::format("there is no backup in {}", backup));
    if (auto made = make_folder(folder); !made)
        return fail(made.error());
    const Result<FolderLock> lock = FolderLock::take(folder);
    if (!lock)
        return fail(lock.error());
    if (auto made = make_folder(db); !made)
        return fail(made.error());
    if (const rocksdb::IOStatus restored = engine->RestoreDBFromBackup(latest.backup_id, db, db); !restored.ok()) {
        // Half a store must not look like one; the engine's threads may still be writing files of it.
        engine.reset();
        std::filesystem::remove_all(db, ignored);
        return fail(to_error(restored, "cannot restore from " + backup));
    }
    for (const std::string& path : {db, folder})
        if (auto synced = sync_folder(path); !synced)
            return fail(synced.error());
    return report_of(latest);
}

}  // namespace posthouse::store
