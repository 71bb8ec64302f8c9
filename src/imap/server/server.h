// The IMAP server's end: RFC 3501 with the extensions of capability.cc.
//
//     Server server(services, options);
//     listener->start([&server](net::Wire wire) { return server.serve(std::move(wire)); }, group);
//
// One Server for all IMAP ports of a house; a session is a coroutine of serve(), on the loop that
// accepted the connection. Threads: serve() from any loop.
// Lifetime: services outlive the server, the server outlives the group that its sessions run in.
#pragma once

#include "base/ids.h"
#include "base/log.h"
#include "base/recorder.h"
#include "base/task.h"
#include "directory/directory.h"
#include "directory/sasl.h"
#include "imap/server/news.h"
#include "imap/server/recent.h"
#include "mailbox/mailbox.h"
#include "net/listener.h"
#include "net/tls.h"
#include "net/wire.h"

#include <memory>
#include <string>

namespace posthouse::imap {

struct ServerServices {
    const Clock& clock;
    Log& log;
    Recorder& recorder;
    IdSource& ids;
    Loops& loops;  // those whose threads call serve()
    directory::Authenticator& authenticator;
    mailbox::Mailboxes& mailboxes;
    net::ConnectionTable& connections;  // for the limit per account
    const net::TlsContext* tls = nullptr;  // nullptr: no STARTTLS
    directory::Directory* directory = nullptr;  // who others are, for mailboxes that are shared; nullptr: nobody's are
};

struct ServerOptions {
    std::string name;  // this host's, as told in the greeting: "north.test"
    std::string version;  // told by ID; empty: not told
    bool allow_plaintext_login = false;  // test listeners only: passwords in the clear
    Duration login_patience = 3min;  // without a login
    Duration autologout = 30min;  // RFC 3501 section 5.4: not less
    Duration write_patience = 5min;  // for what the peer does not take
    Duration progress_every = 10s;  // a command that takes longer says how far it is (RFC 9585)
    std::uint64_t most_message = 100 * 1024 * 1024;  // bytes of one APPEND
    unsigned most_bad_commands = 20;  // before the login, or one after another behind it; then BYE
    std::uint32_t message_limit = 0;  // messages of one command (RFC 9738); 0: as many as it names
};

class Server {
public:
    Server(ServerServices services, ServerOptions options);
    ~Server();
    // One connection, from the greeting to its end. TLS that begins with the first byte is up already.
    Task<void> serve(net::Wire wire);

private:
    Loop& current_loop();

    ServerServices services_;
    ServerOptions options_;
    RecentClaims claims_;
    News news_;
};

}  // namespace posthouse::imap
