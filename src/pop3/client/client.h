// The client's end of POP3: for `--pop3` of the mail client, for import and for tests.
//
//     Client client(std::move(wire), clock);
//     co_await client.greeting();
//     co_await client.start_tls(tls, "mail.example");
//     co_await client.log_in("alice@example.org", password, random, ClearPasswords::no);
//     … list(), unique_ids(), retrieve(), remove() …
//     co_await client.quit();                       // only now is removed what was to be removed
//
// A -ERR is an Error with the server's words: unavailable (try again later), not_permitted (user or
// password), not_found (the rest). After closed, timeout, cancelled, malformed, too_large or tls
// nothing more can be said on the connection.
//
// Threads: the wire's loop; one call at a time. Lifetime: the clock outlives the client.
#pragma once

#include "base/random.h"
#include "base/recorder.h"
#include "net/line_framer.h"
#include "net/tls.h"
#include "net/wire.h"
#include "pop3/client/reply.h"

#include <functional>
#include <vector>

namespace posthouse::pop3 {

struct Capabilities {
    bool uidl = false;
    bool top = false;
    bool stls = false;
    bool user = false;
    bool pipelining = false;
    bool utf8 = false;
    std::vector<std::string> mechanisms;  // in capitals
};

struct Totals {
    std::uint32_t messages = 0;
    std::uint64_t octets = 0;
};

struct ClientLimits {
    Duration greeting = 1min;
    Duration reply = 2min;  // and between two pieces of a message
    Duration handshake = 1min;
    std::size_t most_items = 1'000'000;  // of a list
    std::uint64_t most_message = 1024ULL * 1024 * 1024;  // octets
};

enum class ClearPasswords : bool { no, yes };  // yes: a password may go over the wire in the clear

// Takes the pieces of a message in order; false gives up, and the connection with it.
using MessageSink = std::function<Task<bool>(std::string piece)>;

class Client {
public:
    // Each line as it is sent and received, passwords and content left out.
    using ShowLine = std::function<void(Speaker, std::string_view)>;
    Client(net::Wire wire, const Clock& clock, ShowLine show = {}, ClientLimits limits = {});

    Task<Result<std::string>> greeting();  // the server's words
    // A server without CAPA has none.
    Task<Result<Capabilities>> capabilities();
    Task<Result<void>> start_tls(const net::TlsContext& context, std::string server_name);
    // By the best mechanism that the server has: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, USER and
    // PASS, the last two only by TLS or where the caller allows it. A server that cannot prove that
    // it knows the password is not believed.
    Task<Result<void>> log_in(std::string user, std::string password, Random& random, ClearPasswords clear);

    // By this one, listed or not.
    Task<Result<void>> log_in_by(std::string mechanism, std::string user, std::string password, Random& random);

    Task<Result<Totals>> totals();
    Task<Result<std::vector<ListItem>>> list();
    Task<Result<std::vector<UniqueId>>> unique_ids();
    // The message with CRLF lines, dots unstuffed.
    Task<Result<void>> retrieve(std::uint32_t number, MessageSink sink);
    Task<Result<std::string>> retrieve(std::uint32_t number, std::uint64_t most);
    Task<Result<std::string>> top(std::uint32_t number, std::uint64_t lines);  // at most 16 MiB
    Task<Result<void>> remove(std::uint32_t number);
    Task<Result<void>> reset();
    Task<Result<void>> quit();

    net::Wire& wire() { return wire_; }

private:
    Task<Result<std::string>> line();
    Task<Result<Reply>> talk(std::string command, std::string shown);
    Task<Result<void>> write(std::string text);
    Task<Result<std::vector<std::string>>> lines();  // of a multi-line reply whose +OK was read
    Task<Result<void>> read_multiline(MessageSink sink, std::uint64_t most);
    Task<Result<std::string>> read_text(std::uint64_t most);
    Task<Result<void>> log_in_by_scram(std::string mechanism, std::string user, std::string password,
                                       std::string nonce);
    Task<Result<void>> log_in_by_plain(std::string user, std::string password);
    Task<Result<void>> log_in_by_user(std::string user, std::string password);
    Task<Result<std::string>> exchange(std::string response);  // the next challenge
    void show(Speaker speaker, std::string_view line) const;

    bool plus_offered_ = false;  // by the last CAPA
    net::Wire wire_;
    const Clock& clock_;
    ShowLine show_;
    ClientLimits limits_;
    net::LineFramer framer_;
};

}  // namespace posthouse::pop3
