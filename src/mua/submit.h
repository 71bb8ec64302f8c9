// A finished letter on its way: to the submission server, and a copy into Sent. Private to the room.
#pragma once

#include "mua/compose.h"

namespace posthouse::mua {

// What became of it.
struct Submitted {
    std::vector<message::AddrSpec> recipients;
    smtp::Sent answers;
    std::string not_filed;  // why there is no copy in Sent; empty: there is one, or none was wanted
    std::string sent_mailbox;
};

// The exit code says it in short: 0, 67 (no recipient taken), 65 (refused for good), 75 (try again).
Task<Outcome> submit(Desk& desk, Identity identity, Letter letter, const WriteOptions options);

// Exit code by what the server answered: sysexits(3).
int exit_code_of(const smtp::Sent& sent);

// From the person at the terminal, or from a pipe, to its end.
Result<std::string> read_standard_input();
// By -m, else from there. Ends with a line end, unless it is empty.
Result<std::string> body_text(const WriteOptions& options, const std::string& head);

}  // namespace posthouse::mua
