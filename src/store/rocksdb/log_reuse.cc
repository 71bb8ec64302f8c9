#include "store/rocksdb/log_reuse.h"

#include "base/text.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/wal.h"

#include <algorithm>
#include <filesystem>

namespace posthouse::store {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::uint64_t log_block = 32768;
constexpr std::uint64_t zeroed = 4096;  // of each block: one page

std::optional<std::uint64_t> log_number(const std::string& path)
{
    const std::string name = std::filesystem::path(path).filename();
    if (!name.ends_with(".log"))
        return std::nullopt;
    return parse_number<std::uint64_t>(std::string_view(name).substr(0, name.size() - 4));
}

// A log up to its last good record.
class CutLog final : public rocksdb::FSSequentialFile {
public:
    explicit CutLog(std::string bytes) : bytes_(std::move(bytes)) { }
    IOStatus Read(std::size_t count, const IOOptions&, rocksdb::Slice* result, char* scratch, IODebugContext*) override
    {
        const std::size_t part = std::min(count, bytes_.size() - at_);
        std::copy_n(bytes_.data() + at_, part, scratch);
        at_ += part;
        *result = rocksdb::Slice(scratch, part);
        return IOStatus::OK();
    }
    IOStatus Skip(std::uint64_t count) override
    {
        at_ += std::min<std::uint64_t>(count, bytes_.size() - at_);
        return IOStatus::OK();
    }

private:
    std::string bytes_;
    std::size_t at_ = 0;
};

}  // namespace

LogReuseFileSystem::LogReuseFileSystem(const std::shared_ptr<rocksdb::FileSystem>& target, std::string db, Use use) :
    FileSystemWrapper(target), db_(std::move(db)), use_(use)
{
}

std::string LogReuseFileSystem::spare_path(std::size_t slot) const { return db_ + "/spare-" + std::to_string(slot); }

IOStatus LogReuseFileSystem::NewWritableFile(const std::string& name, const FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug)
{
    if (log_number(name)) {
        const std::scoped_lock lock(mutex_);
        for (std::size_t slot = 0; slot < use_.most_spares; ++slot)
            if (target()->FileExists(spare_path(slot), {}, debug).ok() &&
                target()->ReuseWritableFile(name, spare_path(slot), options, file, debug).ok())
                return IOStatus::OK();
    }
    return target()->NewWritableFile(name, options, file, debug);
}

IOStatus LogReuseFileSystem::NewSequentialFile(const std::string& name, const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSSequentialFile>* file, IODebugContext* debug)
{
    const auto number = log_number(name);
    if (!use_.cut_logs || !number)
        return target()->NewSequentialFile(name, options, file, debug);
    Result<std::string> bytes = read_file(name);
    if (!bytes)
        return IOStatus::IOError(bytes.error().text);
    WalReader reader(*bytes, static_cast<std::uint32_t>(*number), WalKind::write_ahead);
    while (reader.next()) { }
    bytes->resize(reader.good_end());
    *file = std::make_unique<CutLog>(*std::move(bytes));
    return IOStatus::OK();
}

IOStatus LogReuseFileSystem::DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* debug)
{
    if (use_.most_spares > 0 && log_number(name) && make_spare(name))
        return IOStatus::OK();
    return target()->DeleteFile(name, options, debug);
}

// The spare bears its name only once it has been made harmless.
bool LogReuseFileSystem::make_spare(const std::string& name)
{
    const std::scoped_lock lock(mutex_);
    std::size_t slot = 0;
    while (slot < use_.most_spares && target()->FileExists(spare_path(slot), {}, nullptr).ok())
        ++slot;
    std::uint64_t size = 0;
    if (slot == use_.most_spares || !target()->GetFileSize(name, {}, &size, nullptr).ok() || size < use_.least_bytes)
        return false;
    std::unique_ptr<rocksdb::FSRandomRWFile> file;
    if (!target()->NewRandomRWFile(name, {}, &file, nullptr).ok())
        return false;
    const std::string zeros(zeroed, '\0');
    for (std::uint64_t at = 0; at < size; at += log_block)
        if (!file->Write(at, {zeros.data(), std::min<std::uint64_t>(zeroed, size - at)}, {}, nullptr).ok())
            return false;
    if (!file->Sync({}, nullptr).ok() || !file->Close({}, nullptr).ok())
        return false;
    return target()->RenameFile(name, spare_path(slot), {}, nullptr).ok();
}

}  // namespace posthouse::store
