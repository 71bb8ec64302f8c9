// The directory room's front door: how `app/` and tests build it.
#pragma once

#include "directory/directory.h"
#include "directory/outgoing.h"
#include "directory/routes.h"
#include "directory/sasl.h"
#include "directory/services.h"

namespace posthouse::directory {

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
    std::unique_ptr<Outgoing> outgoing;  // needs the directory
};
Made make_directory(Services services, Options options = {});

}  // namespace posthouse::directory
