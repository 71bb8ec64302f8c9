// The POP3 server's end: RFC 1939 with what CAPA tells.
//
//     Server server(services, options);
//     listener->start([&server](net::Wire wire) { return server.serve(std::move(wire)); }, group);
//
// One Server for all POP3 ports of a house (the lock on a maildrop is kept in it); a session is a
// coroutine of serve(), on the loop that accepted the connection. Threads: serve() from any loop.
// Lifetime: services outlive the server, the server outlives the group that its sessions run in.
#pragma once

#include "base/ids.h"
#include "base/log.h"
#include "base/recorder.h"
#include "base/task.h"
#include "directory/sasl.h"
#include "mailbox/mailbox.h"
#include "net/listener.h"
#include "net/tls.h"
#include "net/wire.h"
#include "pop3/server/lock.h"

namespace posthouse::pop3 {

struct ServerServices {
    const Clock& clock;
    Log& log;
    Recorder& recorder;
    IdSource& ids;
    directory::Authenticator& authenticator;
    mailbox::Mailboxes& mailboxes;
    net::ConnectionTable& connections;  // for the limit per account
    const net::TlsContext* tls = nullptr;  // nullptr: no STLS
};

struct ServerOptions {
    std::string name;  // this host's, as told in the greeting: "north.test"
    bool allow_plaintext_login = false;  // test listeners only: passwords in the clear
    Duration login_patience = 3min;  // for each line before the login
    Duration autologout = 10min;  // RFC 1939 section 3: not less
    Duration write_patience = 5min;  // for what the peer does not take
    Duration handshake = 1min;
    Duration linger = 3s;
};

class Server {
public:
    Server(ServerServices services, ServerOptions options) : services_(services), options_(std::move(options)) { }
    // One connection, from the greeting to its end. TLS that begins with the first byte is up already.
    Task<void> serve(net::Wire wire);

private:
    ServerServices services_;
    ServerOptions options_;
    MaildropLocks locks_;
};

}  // namespace posthouse::pop3
