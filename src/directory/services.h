// What the directory stands on.
#pragma once

#include "base/log.h"
#include "base/random.h"
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

}  // namespace posthouse::directory
