#include "app/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace posthouse::app {

namespace {

sigset_t our_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&set, signal);
    return set;
}

Error system_error(std::string_view what)
{
    return {errno == EACCES || errno == EPERM ? ErrorCode::not_permitted : ErrorCode::io,
            fmt::format("{}: {}", what, std::strerror(errno))};
}

}  // namespace

void block_signals()
{
    const sigset_t set = our_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Wish wait_for_signal()
{
    const sigset_t set = our_signals();
    constexpr timespec minute{60, 0};
    for (;;) {
        const int signal = ::sigtimedwait(&set, nullptr, &minute);
        if (signal < 0 && errno == EINTR)
            continue;
        return signal < 0 ? Wish::look : signal == SIGHUP ? Wish::reload : Wish::stop;
    }
}

void prepare_process()
{
    std::signal(SIGPIPE, SIG_IGN);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);  // we never run a program
    // Fixed, or else the first freed password hash (19 MiB) makes the heap keep such blocks for good.
    ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
    // Else what a batch of messages has freed goes back to the system and is asked for again with the next one, and
    // clearing those pages is a fifth of a listing's time. give_memory_back() is called once a minute.
    ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
    ::umask(077);
}

void give_memory_back() { ::malloc_trim(0); }

Result<User> find_user(const std::string& name)
{
    errno = 0;
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr)
        return fail(ErrorCode::not_found, fmt::format("there is no user \"{}\" on this machine", name));
    return User{entry->pw_uid, entry->pw_gid};
}

bool is_root() { return ::geteuid() == 0; }

Result<void> become(const User& user)
{
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
        ::setresuid(user.uid, user.uid, user.uid) != 0)
        return fail(system_error("cannot become the user of the settings"));
    if (user.uid != 0 && ::setuid(0) == 0)
        return fail(ErrorCode::internal, "root came back after it was given up");
    return {};
}

Result<void> make_data_folder(const std::string& path, const User* user)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return {};
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(system_error(fmt::format("cannot make the data folder {}", path)));
    if (user != nullptr && is_root() && ::chown(path.c_str(), user->uid, user->gid) != 0)
        return fail(system_error(fmt::format("cannot give {} to its user", path)));
    return {};
}

Result<User> owner_of(const std::string& folder)
{
    struct stat facts{};
    if (::stat(folder.c_str(), &facts) != 0)
        return fail(system_error(folder));
    return User{facts.st_uid, facts.st_gid};
}

Result<void> give_to_owner(const std::string& folder)
{
    const Result<User> owner = owner_of(folder);
    if (!owner)
        return fail(owner.error());
    if (!is_root() || owner->uid == 0)
        return {};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (::lchown(entry.path().c_str(), owner->uid, owner->gid) != 0)
            return fail(system_error(entry.path().string()));
    return {};
}

Result<void> write_pid_file(const std::string& path)
{
    std::ofstream out(path, std::ios::trunc);
    out << ::getpid() << '\n';
    out.close();
    if (!out)
        return fail(system_error(fmt::format("cannot write {}", path)));
    return {};
}

}  // namespace posthouse::app
