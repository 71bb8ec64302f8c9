// What the operator may set: one TOML file, read once, to typed values.
//
// Few settings, each with a default that is right (docs/settings.md). Domains, accounts and policies
// are data in the store, not settings. An unknown key is an error that names it: a misspelt setting
// is never silently ignored.
#pragma once

#include "base/log.h"
#include "net/listener.h"
#include "net/tls.h"
#include "net/unbound_resolver.h"

#include <string>
#include <vector>

namespace posthouse::app {

// What listens on a port.
enum class Door : std::uint8_t { smtp, submission, submissions, imap, imaps, pop3, pop3s };
inline constexpr std::array doors{Door::smtp,  Door::submission, Door::submissions, Door::imap,
                                  Door::imaps, Door::pop3,       Door::pop3s};
std::string_view name_of(Door door);
bool is_implicit_tls(Door door);

struct ListenAt {
    Door door;
    std::string address;
    std::uint16_t port = 0;
};

// A house that shares a key with ours: a trace follows a message there.
struct TracePeer {
    std::string host;  // the name it goes by, its `hostname`
    std::string console;  // "unix:/path/console.sock", "http://127.0.0.2:8080", "https://[::1]:8443"
    std::string key_file;
};

// A hundred and twenty-eighth of the machine's memory, 32 MiB at least and 128 at most: the rows of some 100,000
// messages.
std::uint64_t default_cache_bytes();

struct Settings {
    std::string hostname;  // what we call ourselves in greetings and trace fields
    std::string data;  // the data folder
    std::string user;  // to become after the ports are bound; needed where we start as root
    std::string pid_file;
    unsigned threads = 0;  // 0: one a core
    std::vector<ListenAt> listen;
    std::vector<net::TlsContext::Files> certificates;
    net::ConnectionLimits connections;
    bool internet = true;  // false: mail for other domains is refused at submission
    std::uint16_t relay_port = 25;  // of other MTAs: MX names no port
    net::ResolverOptions resolver;
    std::uint64_t message_bytes = 100 * 1024 * 1024;
    std::uint32_t messages_per_command = 0;  // of IMAP (RFC 9738); 0: no limit
    std::uint64_t cache_bytes = default_cache_bytes();
    LogLevel log_level = LogLevel::info;
    LogFormat log_format = LogFormat::text;
    std::string log_file;

    bool journey = true;  // what happens to each message is kept
    unsigned journey_days = 30;
    std::vector<TracePeer> trace_peers;
    std::uint64_t journey_bytes = 1024ULL * 1024 * 1024;

    // For tests and trials, each loudly logged at the start. Never a default.
    bool unsafe_no_sync = false;  // commits do not wait for the disk: mail will be lost by a power cut
    bool unsafe_plaintext_login = false;  // passwords are taken before TLS
    bool unsafe_proxy_protocol = false;  // each connection's first line tells its client's address
};

// Errors: not_found (no such file), malformed (the text names file, line, key and what is expected).
Result<Settings> read_settings(const std::string& file);
Result<Settings> parse_settings(std::string_view toml, const std::string& name);

// Whom to ask about names: "recursive", "system", or addresses with or without a port (else 53).
Result<void> set_resolver(const std::vector<std::string>& texts, net::ResolverOptions& options);

// "127.0.0.1:25", "[::1]:25"; what is wrong as a sentence otherwise.
Result<net::Endpoint> parse_endpoint(std::string_view text);

}  // namespace posthouse::app
