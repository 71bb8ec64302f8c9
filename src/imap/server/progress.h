// What a command that takes long tells of itself meanwhile. RFC 9585.
#pragma once

#include "imap/server/session.h"

#include <string>

namespace posthouse::imap {

// One command's. Lifetime: the session outlives it.
class Progress {
public:
    Progress(Session& session, std::string tag, std::string doing);

    // Lets other sessions have their turn every few milliseconds; every few seconds tells how far it is and sends
    // what has gathered, so that the client does not give up on us. `closed`: the peer is gone.
    Task<Result<void>> pause(std::uint64_t done, std::uint64_t all);

private:
    Session& session_;
    std::string tag_;
    std::string doing_;
    SteadyTime turn_began_;
    SteadyTime told_;
};

}  // namespace posthouse::imap
