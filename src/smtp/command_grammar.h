// The commands of SMTP: one line, without its CRLF, to typed values. Pure.
//
// Verbs and keywords in either case. What people type by hand is taken where it cannot be
// misunderstood (a space behind `FROM:`, spaces at the end); everything else is refused with a
// sentence that says how to write it.
#pragma once

#include "smtp/parameter_grammar.h"
#include "smtp/path_grammar.h"

#include <cstdint>
#include <optional>

namespace posthouse::smtp {

enum class Verb : std::uint8_t {
    helo,
    ehlo,
    mail,
    rcpt,
    data,
    bdat,
    rset,
    noop,
    vrfy,
    expn,
    help,
    quit,
    starttls,
    auth,
    xcancel,  // ours, RFC 5321 section 4.1.5
    http,  // GET, POST …: somebody's browser was sent here
    unknown,
};
inline constexpr std::size_t verbs = static_cast<std::size_t>(Verb::unknown) + 1;
std::string_view to_string(Verb verb);

struct Command {
    Verb verb = Verb::unknown;
    std::string_view argument;  // a view into the line; spaces at its ends are gone
};

// A line with a control character in it is refused whole (HOSTILE A24).
Parsed<Command> command(std::string_view line);

// What stands behind the verb.
Parsed<std::string_view> hello_argument(Verb verb, std::string_view argument);
Parsed<Envelope> mail_argument(std::string_view argument, Extensions announced);
Parsed<Recipient> rcpt_argument(std::string_view argument, Extensions announced);
Parsed<void> no_argument(Verb verb, std::string_view argument);

// RFC 3030 section 2: bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]
struct Chunk {
    std::uint64_t size = 0;
    bool is_last = false;
};
Parsed<Chunk> bdat_argument(std::string_view argument);

// "XCANCEL" SP id: the message that a 250 named, while it is held (RFC 4865), is not sent.
Parsed<Id> xcancel_argument(std::string_view argument);

// RFC 4954 section 4: "AUTH" SP mechanism [ SP initial-response ]
struct AuthStart {
    std::string mechanism;  // in upper case
    std::optional<std::string> initial_response;  // decoded
};
Parsed<AuthStart> auth_argument(std::string_view argument);

}  // namespace posthouse::smtp
