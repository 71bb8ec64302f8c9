// The program as a process: its user, its signals, its folders, its pid file.
#pragma once

#include "base/result.h"

#include <functional>
#include <string>

namespace posthouse::app {

// Before any thread is started: blocks the signals that stop and reload, in this thread and
// all that it starts later.
void block_signals();

enum class Wish { stop, reload, look };
// Waits for SIGINT or SIGTERM (stop) or SIGHUP (reload); `look` after a minute without any. By the
// main thread, after block_signals().
Wish wait_for_signal();

// Raises the soft limit of open files to the hard one; SIGPIPE is ignored.
void prepare_process();
// What the heap holds free goes back to the system.
void give_memory_back();

struct User {
    unsigned uid = 0;
    unsigned gid = 0;
};
Result<User> find_user(const std::string& name);
bool is_root();
// For good, for all threads: groups, gid, uid, and what could give them back.
Result<void> become(const User& user);

// Made with mode 0700 where it is not there, with its parents; given to `user` where we are root.
Result<void> make_data_folder(const std::string& path, const User* user);

Result<User> owner_of(const std::string& folder);
// Everything below `folder` to the user whom the folder belongs to. Needed where root made it.
Result<void> give_to_owner(const std::string& folder);

Result<void> write_pid_file(const std::string& path);

}  // namespace posthouse::app
