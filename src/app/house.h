// A server: the whole house, built by hand, in order, from the ground up; and taken down the other way.
#pragma once

#include "app/household.h"
#include "app/settings.h"

#include <memory>
#include <vector>

namespace posthouse::app {

// Binds the ports, becomes the user, opens the household, serves. Threads: the main thread.
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
    void reload_changed();  // only where a file has changed since
    // Reloads and looks after certificates until a signal says stop; then stop().
    void run_until_told();
    // Says goodbye to the sessions, waits for them, brings everything to disk.
    void stop();

    struct State;

private:
    explicit House(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace posthouse::app
