// Who has a port, out of /proc: the kernel lists the listening sockets by inode, and each process
// its open files.
#include "net/listening_socket.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>

namespace posthouse::net {

namespace {

namespace fs = std::filesystem;

// Lines of /proc/net/tcp: "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode".
void collect_listeners(const char* table, std::uint16_t port, std::vector<std::string>& links)
{
    static constexpr std::string_view listening = "0A";
    const std::string ending = fmt::format(":{:04X}", port);
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::istringstream words(line);
        std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
        words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
        if (words && state == listening && local.ends_with(ending))
            links.push_back(fmt::format("socket:[{}]", inode));
    }
}

bool has_open(const fs::path& process, const std::vector<std::string>& links)
{
    std::error_code error;
    for (fs::directory_iterator file(process / "fd", error), end; !error && file != end; file.increment(error)) {
        std::error_code unreadable;
        const fs::path target = fs::read_symlink(file->path(), unreadable);
        if (std::ranges::find(links, target.native()) != links.end())
            return true;
    }
    return false;
}

std::string name_of(const fs::path& process)
{
    std::string name;
    std::ifstream(process / "comm") >> name;
    return fmt::format("{} (pid {})", name.empty() ? "a program" : name, process.filename().native());
}

}  // namespace

std::string holder_of_port(std::uint16_t port)
{
    std::vector<std::string> links;
    collect_listeners("/proc/net/tcp", port, links);
    collect_listeners("/proc/net/tcp6", port, links);
    std::error_code error;
    for (fs::directory_iterator process("/proc", error), end; !error && process != end; process.increment(error))
        if (std::ranges::all_of(process->path().filename().native(), [](char c) { return c >= '0' && c <= '9'; }) &&
            has_open(process->path(), links))
            return name_of(process->path());
    return "another program (root sees which: ss -ltnp)";
}

}  // namespace posthouse::net
