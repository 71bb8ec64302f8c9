#include "store/rocksdb/fault_fs.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <unistd.h>

namespace posthouse::store {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::uint64_t page = 4096;

IOStatus status_of(Fault fault)
{
    switch (fault) {
    case Fault::none: return IOStatus::OK();
    case Fault::io: return IOStatus::IOError("a fault that the test asked for");
    case Fault::no_space: return IOStatus::NoSpace("a fault that the test asked for");
    }
    return IOStatus::OK();
}

std::string read_range(const std::string& path, std::uint64_t offset, std::uint64_t length)
{
    std::ifstream in(path, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offset));
    std::string bytes(length, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(length));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
    return bytes;
}

void write_range(const std::string& path, std::uint64_t offset, std::string_view bytes)
{
    std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(offset));
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string folder_of(const std::string& path) { return std::filesystem::path(path).parent_path(); }

}  // namespace

// Writes by itself: RocksDB's own file class cuts and extends its file when it is closed, also after
// the power has gone.
class FaultWritableFile final : public rocksdb::FSWritableFile {
public:
    FaultWritableFile(FaultFileSystem& system, int descriptor, std::shared_ptr<FaultFileSystem::Contents> contents) :
        system_(system), descriptor_(descriptor), contents_(std::move(contents))
    {
    }
    ~FaultWritableFile() override { ::close(descriptor_); }
    IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override
    {
        return system_.append(*contents_, descriptor_, data);
    }
    IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                    IODebugContext* debug) override
    {
        return Append(data, options, debug);
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override
    {
        return system_.truncate(*contents_, descriptor_, size);
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override { return system_.sync(*contents_); }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override { return system_.sync(*contents_); }
    bool IsSyncThreadSafe() const override { return true; }
    std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return contents_->size; }

private:
    FaultFileSystem& system_;
    int descriptor_;
    std::shared_ptr<FaultFileSystem::Contents> contents_;
};

class FaultRandomFile final : public rocksdb::FSRandomRWFile {
public:
    FaultRandomFile(FaultFileSystem& system, std::unique_ptr<rocksdb::FSRandomRWFile> target,
                    std::shared_ptr<FaultFileSystem::Contents> contents) :
        system_(system), file_(std::move(target)), contents_(std::move(contents))
    {
    }
    IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions& options, IODebugContext* debug) override
    {
        return system_.write_at(*contents_, *file_, offset, data, options, debug);
    }
    IOStatus Read(std::uint64_t offset, std::size_t count, const IOOptions& options, Slice* result, char* scratch,
                  IODebugContext* debug) const override
    {
        return file_->Read(offset, count, options, result, scratch, debug);
    }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override { return system_.sync(*contents_); }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override { return system_.sync(*contents_); }
    IOStatus Close(const IOOptions& options, IODebugContext* debug) override { return file_->Close(options, debug); }

private:
    FaultFileSystem& system_;
    std::unique_ptr<rocksdb::FSRandomRWFile> file_;
    std::shared_ptr<FaultFileSystem::Contents> contents_;
};

class FaultDirectory final : public rocksdb::FSDirectory {
public:
    FaultDirectory(FaultFileSystem& system, std::string path) : system_(system), path_(std::move(path)) { }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override { return system_.sync_names(path_); }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

private:
    FaultFileSystem& system_;
    std::string path_;
};

FaultFileSystem::FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) { }

FaultFileSystem::~FaultFileSystem() = default;

void FaultFileSystem::fail_sync(std::uint64_t n, Fault fault)
{
    const std::scoped_lock lock(mutex_);
    sync_faults_[syncs_ + n] = fault;
}

void FaultFileSystem::fail_write(std::uint64_t n, Fault fault)
{
    const std::scoped_lock lock(mutex_);
    write_faults_[writes_ + n] = fault;
}

void FaultFileSystem::forget_faults()
{
    const std::scoped_lock lock(mutex_);
    sync_faults_.clear();
    write_faults_.clear();
}

void FaultFileSystem::fail_all(Fault fault)
{
    const std::scoped_lock lock(mutex_);
    all_ = fault;
}

void FaultFileSystem::fail_tables(Fault fault)
{
    const std::scoped_lock lock(mutex_);
    tables_ = fault;
}

void FaultFileSystem::hold_syncs()
{
    const std::scoped_lock lock(mutex_);
    holding_ = true;
}

void FaultFileSystem::release_syncs()
{
    {
        const std::scoped_lock lock(mutex_);
        holding_ = false;
    }
    released_.notify_all();
}

std::uint64_t FaultFileSystem::syncs() const
{
    const std::scoped_lock lock(mutex_);
    return syncs_;
}

std::uint64_t FaultFileSystem::writes() const
{
    const std::scoped_lock lock(mutex_);
    return writes_;
}

IOStatus FaultFileSystem::no_power() const { return IOStatus::IOError("the power is off"); }

IOStatus FaultFileSystem::fault_of(std::uint64_t number, std::map<std::uint64_t, Fault>& faults)
{
    if (!powered_)
        return no_power();
    if (all_ != Fault::none)
        return status_of(all_);
    const auto found = faults.find(number);
    return found == faults.end() ? IOStatus::OK() : status_of(found->second);
}

std::shared_ptr<FaultFileSystem::Contents> FaultFileSystem::contents_of(const std::string& path, std::uint64_t size)
{
    auto& contents = files_[path];
    if (!contents) {
        contents = std::make_shared<Contents>();
        contents->path = path;
    }
    contents->size = size;
    return contents;
}

IOStatus FaultFileSystem::append(Contents& contents, int descriptor, const Slice& data)
{
    const std::scoped_lock lock(mutex_);
    IOStatus fault = fault_of(++writes_, write_faults_);
    if (fault.ok() && tables_ != Fault::none && (contents.path.ends_with(".sst") || contents.path.ends_with(".blob")))
        fault = status_of(tables_);
    // A write that fails may still have written its beginning.
    const Slice written(data.data(), fault.ok() ? data.size() : powered_ ? data.size() / 2 : 0);
    if (written.size() > 0) {
        contents.unsynced.push_back({contents.size, written.size(), {}, !fault.ok()});
        contents.unsynced.back().before = read_range(contents.path, contents.size, written.size());
        if (::pwrite(descriptor, written.data(), written.size(), static_cast<off_t>(contents.size)) !=
            static_cast<ssize_t>(written.size()))
            return IOStatus::IOError("a real one");
        contents.size += written.size();
    }
    return fault;
}

IOStatus FaultFileSystem::write_at(Contents& contents, rocksdb::FSRandomRWFile& target, std::uint64_t offset,
                                   const Slice& data, const IOOptions& options, IODebugContext* debug)
{
    const std::scoped_lock lock(mutex_);
    if (const IOStatus fault = fault_of(++writes_, write_faults_); !fault.ok())
        return fault;
    contents.unsynced.push_back({offset, data.size(), read_range(contents.path, offset, data.size())});
    return target.Write(offset, data, options, debug);
}

IOStatus FaultFileSystem::truncate(Contents& contents, int descriptor, std::uint64_t size)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    contents.size = size;
    return ::ftruncate(descriptor, static_cast<off_t>(size)) == 0 ? IOStatus::OK() : IOStatus::IOError("a real one");
}

IOStatus FaultFileSystem::sync(Contents& contents)
{
    std::unique_lock lock(mutex_);
    released_.wait(lock, [this] { return !holding_; });
    const IOStatus fault = fault_of(++syncs_, sync_faults_);
    if (!fault.ok()) {
        for (Write& write : contents.unsynced)
            write.doomed = true;
        return fault;
    }
    std::erase_if(contents.unsynced, [](const Write& write) { return !write.doomed; });
    return fault;
}

IOStatus FaultFileSystem::sync_names(const std::string& folder)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    if (all_ != Fault::none)
        return status_of(all_);
    std::erase_if(names_, [&](const NameChange& change) {
        if (folder_of(change.path) != folder)
            return false;
        if (!change.kept.empty())
            std::filesystem::remove(change.kept);
        return true;
    });
    return IOStatus::OK();
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& name, const FileOptions&,
                                          std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext*)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    if (all_ != Fault::none)
        return status_of(all_);
    std::string kept;
    if (std::filesystem::exists(name))
        kept = keep(name);
    const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return IOStatus::IOError("cannot make " + name);
    files_.erase(name);
    names_.push_back({NameChange::Kind::made, name, {}, kept});
    *file = std::make_unique<FaultWritableFile>(*this, descriptor, contents_of(name, 0));
    return IOStatus::OK();
}

IOStatus FaultFileSystem::ReuseWritableFile(const std::string& name, const std::string& old_name, const FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext*)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    std::error_code failed;
    std::filesystem::rename(old_name, name, failed);
    const int descriptor = failed ? -1 : ::open(name.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
        return IOStatus::IOError("cannot use again " + old_name);
    names_.push_back({NameChange::Kind::renamed, name, old_name, {}});
    if (const auto found = files_.find(old_name); found != files_.end()) {
        found->second->path = name;
        files_[name] = found->second;
        files_.erase(old_name);
    }
    *file = std::make_unique<FaultWritableFile>(*this, descriptor, contents_of(name, 0));
    return IOStatus::OK();
}

IOStatus FaultFileSystem::ReopenWritableFile(const std::string& name, const FileOptions&,
                                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext*)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    std::error_code missing;
    const std::uint64_t size = std::filesystem::file_size(name, missing);
    const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return IOStatus::IOError("cannot open " + name);
    if (missing)
        names_.push_back({NameChange::Kind::made, name, {}, {}});
    *file = std::make_unique<FaultWritableFile>(*this, descriptor, contents_of(name, missing ? 0 : size));
    return IOStatus::OK();
}

IOStatus FaultFileSystem::NewRandomRWFile(const std::string& name, const FileOptions& options,
                                          std::unique_ptr<rocksdb::FSRandomRWFile>* file, IODebugContext* debug)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    std::unique_ptr<rocksdb::FSRandomRWFile> made;
    if (const IOStatus status = target()->NewRandomRWFile(name, options, &made, debug); !status.ok())
        return status;
    *file =
        std::make_unique<FaultRandomFile>(*this, std::move(made), contents_of(name, std::filesystem::file_size(name)));
    return IOStatus::OK();
}

IOStatus FaultFileSystem::NewDirectory(const std::string& name, const IOOptions&,
                                       std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext*)
{
    std::string path = name;
    while (path.size() > 1 && path.back() == '/')
        path.pop_back();
    *directory = std::make_unique<FaultDirectory>(*this, path);
    return IOStatus::OK();
}

// Moves a file to where RocksDB does not see it, so that it can come back.
std::string FaultFileSystem::keep(const std::string& path)
{
    const std::string kept = path + ".kept" + std::to_string(++kept_);
    std::filesystem::rename(path, kept);
    return kept;
}

IOStatus FaultFileSystem::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    if (!std::filesystem::exists(name))
        return IOStatus::PathNotFound(name);
    names_.push_back({NameChange::Kind::removed, name, {}, keep(name)});
    files_.erase(name);
    return IOStatus::OK();
}

IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*)
{
    const std::scoped_lock lock(mutex_);
    if (!powered_)
        return no_power();
    if (all_ != Fault::none)
        return status_of(all_);
    const std::string kept = std::filesystem::exists(to) ? keep(to) : std::string();
    std::error_code failed;
    std::filesystem::rename(from, to, failed);
    if (failed)
        return IOStatus::IOError(failed.message());
    names_.push_back({NameChange::Kind::renamed, to, from, kept});
    files_.erase(to);
    if (const auto found = files_.find(from); found != files_.end()) {
        found->second->path = to;
        files_[to] = found->second;
        files_.erase(from);
    }
    return IOStatus::OK();
}

IOStatus FaultFileSystem::Truncate(const std::string& name, std::size_t size, const IOOptions& options,
                                   IODebugContext* debug)
{
    return target()->Truncate(name, size, options, debug);
}

void FaultFileSystem::cut_power(Unsynced unsynced, std::uint64_t seed)
{
    const std::scoped_lock lock(mutex_);
    powered_ = false;
    std::mt19937_64 dice(seed);
    for (const auto& [path, contents] : files_)
        if (!contents->unsynced.empty() && std::filesystem::exists(path))
            take_back_writes(*contents, unsynced, dice());
    take_back_names(unsynced == Unsynced::lost || names_.empty() ? 0 : dice() % (names_.size() + 1));
}

void FaultFileSystem::take_back_writes(Contents& contents, Unsynced unsynced, std::uint64_t seed)
{
    std::mt19937_64 dice(seed);
    const std::size_t whole = unsynced == Unsynced::cut_short ? dice() % (contents.unsynced.size() + 1) : 0;
    // The real length: a file that is used again is longer than what was written into it.
    std::uint64_t size = std::filesystem::file_size(contents.path);
    for (std::size_t i = contents.unsynced.size(); i-- > 0;) {
        const Write& write = contents.unsynced[i];
        if (i < whole && !write.doomed)
            continue;
        // The last write that reached the disk may have reached it in part.
        const std::uint64_t reached =
            unsynced == Unsynced::cut_short && i == whole && !write.doomed ? dice() % (write.length + 1) : 0;
        for (std::uint64_t at = reached; at < write.length;) {
            const std::uint64_t stop = std::min(write.length, (((write.offset + at) / page) + 1) * page - write.offset);
            const bool stays = unsynced == Unsynced::scattered && !write.doomed && dice() % 2 == 0;
            if (!stays && at < write.before.size())
                write_range(contents.path, write.offset + at, write.before.substr(at, stop - at));
            else if (!stays)
                write_range(contents.path, write.offset + at, std::string(stop - at, '\0'));
            at = stop;
        }
        // Without the metadata the file is as short as before; scattered, its length may have come.
        const bool grew = write.before.size() < write.length;
        if (grew && (unsynced != Unsynced::scattered || write.doomed))
            size = std::min(size, std::max(write.offset + reached, write.offset + write.before.size()));
    }
    std::filesystem::resize_file(contents.path, size);
}

// Undoes the changes from `from` on, the last one first.
void FaultFileSystem::take_back_names(std::size_t from)
{
    for (std::size_t i = names_.size(); i-- > from;) {
        const NameChange& change = names_[i];
        std::error_code failed;
        switch (change.kind) {
        case NameChange::Kind::made: std::filesystem::remove(change.path, failed); break;
        case NameChange::Kind::renamed: std::filesystem::rename(change.path, change.from, failed); break;
        case NameChange::Kind::removed: break;
        }
        if (!change.kept.empty())
            std::filesystem::rename(change.kept, change.path, failed);
    }
    for (std::size_t i = 0; i < from; ++i)
        if (!names_[i].kept.empty())
            std::filesystem::remove(names_[i].kept);
    names_.clear();
}

void flip_bit(const std::string& path, std::uint64_t bit)
{
    std::string byte = read_range(path, bit / 8, 1);
    byte.at(0) = static_cast<char>(byte[0] ^ (1 << (bit % 8)));
    write_range(path, bit / 8, byte);
}

}  // namespace posthouse::store
