// Who writes and reads: addresses, their servers and passwords, as `posthouse login` keeps them.
//
// One JSON file of mode 0600: the person's own, $XDG_CONFIG_HOME/posthouse/mail.json, and one that the
// lab writes into its data folder for the people who live in it. Threads: one.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::mua {

enum class Security : std::uint8_t {
    automatic,  // by the port; where that tells nothing TLS is tried, then STARTTLS; never neither
    tls,  // from the first byte
    starttls,
    none,  // only where the person says so
};
std::string_view to_string(Security security);
std::optional<Security> parse_security(std::string_view text);

// Where a service listens. An empty host: not known. Port 0: the usual ones.
struct ServerAt {
    std::string host;  // a name or an address, without brackets
    std::uint16_t port = 0;
    Security security = Security::automatic;
    bool known() const { return !host.empty(); }
    std::string text() const;  // "mail.example.org:993", "[::1]:993"
    friend bool operator==(const ServerAt&, const ServerAt&) = default;
};
// "mail.example.org", "mail.example.org:993", "192.0.2.1", "[2001:db8::1]:993", "2001:db8::1".
Result<ServerAt> parse_server(std::string_view text);

struct Identity {
    std::string address;
    std::string name;  // for From
    std::string user;  // to log in with; empty: the address
    std::string password;  // empty: not kept, to be asked for
    ServerAt imap;
    ServerAt pop3;
    ServerAt submission;
    std::string certificate;  // a PEM file that is trusted in place of the system's roots; empty: those
    bool in_lab = false;  // from the lab's file; not written

    const std::string& login() const { return user.empty() ? address : user; }
};

struct Identities {
    std::vector<Identity> list;
    std::string standard;  // the address used where none is said; empty: the only one

    Identity* find(std::string_view address);  // ignoring case
    const Identity* find(std::string_view address) const;
};

// Errors: not_permitted where others may read the file (it holds passwords), malformed, io. A file that is not
// there holds nobody.
Result<Identities> read_identities(const std::string& file);
// In one step and with mode 0600; folders are made with 0700.
Result<void> write_identities(const std::string& file, const Identities& identities);
Result<Identities> parse_identities(std::string_view json, const std::string& name);
std::string identities_text(const Identities& identities);

std::string own_identities_file();
std::string lab_identities_file(const std::string& data_folder);

// Makes `text` the file's content in one step (a temporary file, renamed), readable by its owner alone.
Result<void> write_private_file(const std::string& file, std::string_view text);
// Errors: not_found, not_permitted, io, too_large past 16 MiB.
Result<std::string> read_small_file(const std::string& file);

}  // namespace posthouse::mua
