// Which command may be given when, and the function that does it. One row a verb, one file a command.
#pragma once

#include "imap/server/session.h"

namespace posthouse::imap {

// May refuse; has no effect, and waits for nothing.
using Check = std::optional<Reply> (*)(Session&, const Command&);
// Has the effects. The Session outlives the call.
using Proceed = Task<Reply> (*)(Session&, Command);

// What the update that ends the command may tell: RFC 3501 section 7.4.1, and section 5.5 for the UID forms.
enum class Update {
    none,  // it leaves the mailbox, or says all itself
    without_expunges,
    without_expunges_unless_uid,
    all,
};

// Do its arguments name messages by sequence number, where it has no UID before it? RFC 9586 section 3.
enum class Numbers { none, in_arguments };

struct CommandRow {
    Verb verb = Verb::noop;
    std::uint8_t states = 0;  // bits of State
    Update update = Update::all;
    Check check = nullptr;  // nullptr: nothing to check but the state
    Proceed proceed = nullptr;
    Numbers numbers = Numbers::none;
};

// nullptr: the grammar knows it, this server does not.
const CommandRow* row_of(Verb verb);

}  // namespace posthouse::imap
