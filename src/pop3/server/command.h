// The grammar of a POP3 command line: RFC 1939, 2449 (CAPA), 2595 (STLS), 5034 (AUTH), 6856 (UTF8).
//
// Pure: a line without its CRLF in, a command or what is wrong with it out.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace posthouse::pop3 {

enum class Verb : std::uint8_t {
    user,
    pass,
    auth,
    stls,
    capa,
    utf8,
    quit,
    stat,
    list,
    retr,
    dele,
    noop,
    rset,
    top,
    uidl,
};
inline constexpr std::size_t verbs = 15;

struct Command {
    Verb verb = Verb::noop;
    std::string text;  // USER: the name; PASS: the password; AUTH: the mechanism, empty if none is named
    std::optional<std::string> initial_response;  // AUTH, in base64
    std::optional<std::uint32_t> message;  // LIST, RETR, DELE, TOP, UIDL: as said, may be 0
    std::uint64_t lines = 0;  // TOP
};

// For the peer.
struct BadCommand {
    std::string text;  // "say RETR message"
};
std::expected<Command, BadCommand> parse_command(std::string_view line);

// The line as it may be shown: passwords and SASL responses left out.
std::string recordable(std::string_view line);

}  // namespace posthouse::pop3
