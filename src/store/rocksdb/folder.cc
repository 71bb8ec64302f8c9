#include "store/rocksdb/folder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace posthouse::store {

namespace {

class File {
public:
    File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) { }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File()
    {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }
    int descriptor() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }

private:
    int descriptor_;
};

std::unexpected<Error> system_failure(std::string_view what, const std::string& path, int number = errno)
{
    const ErrorCode code = number == ENOSPC || number == EDQUOT ? ErrorCode::no_space : ErrorCode::io;
    return fail(code, fmt::format("{} {}: {}", what, path, std::strerror(number)));
}

Result<void> write_all(const File& file, const std::string& path, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.descriptor(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return system_failure("cannot write", path);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(file.descriptor()) != 0)
        return system_failure("cannot sync", path);
    return {};
}

std::string parent(const std::string& path) { return std::filesystem::path(path).parent_path(); }

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder)
{
    const std::string path = folder + "/lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return system_failure("cannot open", path);
    FolderLock lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return system_failure("cannot lock", path);
        char holder[32] = {};
        const ssize_t got = ::pread(descriptor, holder, sizeof holder - 1, 0);
        std::string_view pid(holder, got > 0 ? static_cast<std::size_t>(got) : 0);
        pid = pid.substr(0, pid.find('\n'));
        return fail(ErrorCode::already_exists,
                    fmt::format("the store in {} is held by process {}", folder, pid.empty() ? "?" : pid));
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    // Only for the message above: a full disk must not keep the store from opening.
    if (::ftruncate(descriptor, 0) == 0)
        (void)!::pwrite(descriptor, pid.data(), pid.size(), 0);
    return lock;
}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept
{
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

FolderLock::~FolderLock()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

Result<DiskSpace> disk_space(const std::string& folder)
{
    struct statvfs status;
    if (::statvfs(folder.c_str(), &status) != 0)
        return system_failure("cannot ask for the space of", folder);
    const std::uint64_t block = status.f_frsize;
    return DiskSpace{.free = status.f_bavail * block,
                     .capacity = status.f_blocks * block,
                     .free_inodes = status.f_files == 0 ? ~0ull : status.f_favail};
}

Result<void> sync_folder(const std::string& folder)
{
    const File file(folder, O_RDONLY | O_DIRECTORY);
    if (!file.is_open() || ::fsync(file.descriptor()) != 0)
        return system_failure("cannot sync", folder);
    return {};
}

Result<void> make_folder(const std::string& folder)
{
    if (::mkdir(folder.c_str(), 0700) != 0) {
        if (errno == EEXIST && std::filesystem::is_directory(folder))
            return {};
        return system_failure("cannot make", folder);
    }
    const std::string above = parent(folder);
    return sync_folder(above.empty() ? "." : above);
}

Result<void> write_file(const std::string& path, std::string_view bytes)
{
    const std::string fresh = path + ".new";
    {
        const File file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
        if (!file.is_open())
            return system_failure("cannot make", fresh);
        if (auto written = write_all(file, fresh, bytes); !written)
            return written;
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0)
        return system_failure("cannot rename", fresh);
    return sync_folder(parent(path));
}

Result<void> cut_file(const std::string& path, std::uint64_t size)
{
    const File file(path, O_WRONLY);
    if (!file.is_open() || ::ftruncate(file.descriptor(), static_cast<off_t>(size)) != 0 ||
        ::fsync(file.descriptor()) != 0)
        return system_failure("cannot cut", path);
    return {};
}

Result<std::uint64_t> file_size(const std::string& path)
{
    struct stat status;
    if (::stat(path.c_str(), &status) != 0)
        return system_failure("cannot look at", path);
    return static_cast<std::uint64_t>(status.st_size);
}

Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::uint64_t size)
{
    const File file(path, O_RDONLY);
    if (!file.is_open())
        return system_failure("cannot open", path);
    std::string bytes(size, '\0');
    std::size_t at = 0;
    while (at < bytes.size()) {
        const ssize_t got =
            ::pread(file.descriptor(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(offset + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_failure("cannot read", path);
        if (got == 0)
            break;
        at += static_cast<std::size_t>(got);
    }
    bytes.resize(at);
    return bytes;
}

Result<std::string> read_file(const std::string& path)
{
    const Result<std::uint64_t> size = file_size(path);
    if (!size)
        return fail(size.error());
    return read_range(path, 0, *size);
}

Result<void> overwrite_file(const std::string& path, std::uint64_t offset, std::string_view bytes)
{
    const File file(path, O_WRONLY);
    if (!file.is_open() || ::lseek(file.descriptor(), static_cast<off_t>(offset), SEEK_SET) < 0)
        return system_failure("cannot open", path);
    return write_all(file, path, bytes);
}

Result<void> copy_file(const std::string& from, const std::string& to)
{
    const File source(from, O_RDONLY);
    const File target(to, O_WRONLY | O_CREAT | O_TRUNC);
    if (!source.is_open())
        return system_failure("cannot open", from);
    if (!target.is_open())
        return system_failure("cannot make", to);
    std::string piece(1 << 20, '\0');
    for (;;) {
        const ssize_t got = ::read(source.descriptor(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_failure("cannot read", from);
        if (got == 0)
            break;
        if (auto written = write_all(target, to, std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
            !written)
            return written;
    }
    return sync_folder(parent(to));
}

Result<void> keep_reserve(const std::string& folder, std::uint64_t bytes)
{
    const std::string path = folder + "/reserve";
    const File file(path, O_RDWR | O_CREAT);
    if (!file.is_open())
        return system_failure("cannot make", path);
    const int failed = bytes == 0 ? 0 : ::posix_fallocate(file.descriptor(), 0, static_cast<off_t>(bytes));
    if (failed != 0) {
        ::unlink(path.c_str());
        return system_failure("cannot reserve", path, failed);
    }
    if (::ftruncate(file.descriptor(), static_cast<off_t>(bytes)) != 0 || ::fsync(file.descriptor()) != 0)
        return system_failure("cannot sync", path);
    return {};
}

void give_up_reserve(const std::string& folder) { ::unlink((folder + "/reserve").c_str()); }

bool has_reserve(const std::string& folder) { return ::access((folder + "/reserve").c_str(), F_OK) == 0; }

std::uint64_t bytes_of_logs(const std::string& folder)
{
    std::uint64_t bytes = 0;
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        std::error_code gone;
        const std::uintmax_t size = entry->path().extension() == ".log" ? entry->file_size(gone) : 0;
        bytes += gone ? 0 : size;
    }
    return bytes;
}

Result<void> probe_disk(const std::string& folder)
{
    const std::string path = folder + "/probe";
    const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open())
        return system_failure("cannot make", path);
    const auto written = write_all(file, path, std::string(4096, 'p'));
    ::unlink(path.c_str());
    return written;
}

}  // namespace posthouse::store
