// The whole house, built by hand, in order, from the ground up; and taken down the other way.
//
// Two uses: open() for a server, which binds its ports first, and Household alone for a command that
// works on a closed store.
#pragma once

#include "app/run_blocking.h"
#include "app/settings.h"

#include "base/log.h"
#include "base/recorder.h"
#include "console/api.h"
#include "directory/directory.h"
#include "directory/sasl.h"
#include "mailbox/mailbox.h"

#include <memory>
#include <string>
#include <vector>

namespace posthouse::app {

// What both kinds of use need: the store and the rooms that live from it, without any port.
// Threads: made and destroyed by the main thread.
class Household {
public:
    // The log outlives it. Errors: already_exists (another process holds the folder; the text says
    // which), corrupt, io.
    static Result<std::unique_ptr<Household>> open(const Settings& settings, Log& log, Recorder& recorder);
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

// A server: binds, becomes the user, opens the household, serves.
class House {
public:
    static Result<std::unique_ptr<House>> open(const Settings& settings, Log& log);
    ~House();  // stops

    Household& household();
    struct Listening {
        Door door;
        net::Endpoint at;
    };
    const std::vector<Listening>& listening() const;
    // Certificates are read again.
    void reload();
    // Says goodbye to the sessions, waits for them (at most 10 s), brings everything to disk.
    void stop();

private:
    struct State;
    explicit House(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace posthouse::app
