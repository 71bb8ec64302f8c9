// The house without its ports: the store and the rooms that live from it. For a server, and for a
// command that works on a closed store.
#pragma once

#include "app/run_blocking.h"
#include "app/settings.h"
#include "base/log.h"
#include "console/api.h"
#include "directory/directory.h"
#include "journey/recording.h"
#include "mailbox/mailbox.h"

#include <memory>

namespace posthouse::app {

// Threads: made and destroyed by the main thread.
class Household {
public:
    // Loops, log and recording outlive it; recording null: nothing is told of. Errors: already_exists (another process
    // holds the folder; the text says which), corrupt, io.
    static Result<std::unique_ptr<Household>> open(const Settings& settings, Loops& loops, Log& log,
                                                   journey::Recording* recording);
    ~Household();

    console::Api& api();
    directory::Directory& directory();
    mailbox::Mailboxes& mailboxes();
    Loop& loop();  // the first one, for run_blocking()
    // Runs a task there and waits for it. Not from a loop.
    template <class T> T run(Task<T> task) { return run_blocking(loop(), std::move(task)); }

    struct Rooms;
    Rooms& rooms() { return *rooms_; }

private:
    explicit Household(std::unique_ptr<Rooms> rooms);
    std::unique_ptr<Rooms> rooms_;
};

}  // namespace posthouse::app
