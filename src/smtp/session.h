// The server's end of SMTP: moves bytes between a wire and the dialogue, and watches the clock.
//
// Everything that is decided is decided by Dialogue (smtp/dialogue.h) and by the door's Agent
// (smtp/agent.h). Replies to pipelined commands leave in one write. An idle session holds no buffer.
#pragma once

#include "base/log.h"
#include "base/recorder.h"
#include "net/tls.h"
#include "smtp/agent.h"

namespace posthouse::smtp {

// How long a session waits for what. RFC 5321 section 4.5.3.2 for the first three.
struct Patience {
    Duration command = 5min;  // for the whole line, however slowly it comes (section 4.5.3.2.7)
    Duration data_block = 3min;  // between two pieces of a message (section 4.5.3.2.5)
    Duration write = 5min;
    Duration message = 1h;  // for a message as a whole (HOSTILE A9): 100 MiB at 30 kB a second
    Duration handshake = 1min;
    Duration linger = 3s;
    // Before each refusal from the tenth on: slows down who tries names (HOSTILE A22).
    Duration error_delay = 500ms;
};

struct ServerServices {
    Door& door;
    IdSource& ids;
    const Clock& clock;
    Recorder& recorder;
    Log& log;
    const net::TlsContext* starttls = nullptr;  // null: STARTTLS is not offered
};

// One for each kind of port. Threads: any. Lifetime: it and its services outlive every session.
class Server {
public:
    explicit Server(ServerServices services, Patience patience = {}) : services_(services), patience_(patience) { }

    // One session, from the greeting to QUIT. For net::Listener::start().
    Task<void> serve(net::Wire wire);

private:
    ServerServices services_;
    Patience patience_;
};

}  // namespace posthouse::smtp
