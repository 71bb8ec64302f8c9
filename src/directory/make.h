// The directory room's front door: how `app/` and tests build it.
#pragma once

#include "base/log.h"
#include "base/random.h"
#include "directory/directory.h"
#include "directory/routes.h"
#include "directory/sasl.h"
#include "store/store.h"

namespace posthouse::directory {

// All outlive what is made of them. `workers` hash passwords and do nothing else: two threads, each
// taking 19 MiB, and a short queue (`Workers(2, 64)`), past which a login is told to come back.
struct Services {
    store::Store& store;
    IdSource& ids;
    const Clock& clock;
    Random& random;
    Workers& workers;
    Log& log;
};

struct Options {
    // What a new password costs; those stored keep theirs.
    std::uint32_t argon2_kib = 19 * 1024;
    std::uint32_t argon2_passes = 2;
    std::uint32_t scram_iterations = 100'000;
    // Failed logins per address (IPv6: /64) and per account: so many at once, then one each second.
    // Those over it wait their turn for up to `slowest`; where more wait already they are refused.
    unsigned guesses_at_once = 5;
    Duration per_guess = 1s;
    Duration slowest = 5s;
};

struct Made {
    std::unique_ptr<Directory> directory;
    std::unique_ptr<Authenticator> authenticator;  // may outlive the directory
    std::unique_ptr<Routes> routes;  // the same
};
Made make_directory(Services services, Options options = {});

}  // namespace posthouse::directory
