// Who takes messages over from an SMTP session: the MSA and the receiving MTA hand in, the queue
// (or, for one local recipient, the mailbox itself) takes over.
#pragma once

#include "smtp/envelope.h"

namespace posthouse::smtp {

struct Taken {
    Id message = 0;  // what the 250 names: "queued as ID"
};

// One message on its way in. Dropped without commit(): it never was.
// Threads: the session's loop.
class Incoming {
public:
    virtual ~Incoming() = default;
    // Bytes of the message as they shall be kept: trace fields first, CRLF lines, dots unstuffed.
    // Errors: no_space (452 4.3.1), unavailable (451 4.3.0).
    virtual Task<Result<void>> append(std::string piece) = 0;
    // Success: safe on disk, and normally already in every local mailbox. From here on we own it.
    // Errors as append(); over_quota only where nothing was accepted yet (452 4.2.2).
    virtual Task<Result<Taken>> commit() = 0;
};

// Threads: any. Lifetime: outlives every session.
class Intake {
public:
    virtual ~Intake() = default;
    // A fresh id; the message's own from MAIL on.
    virtual Id next_id() = 0;
    // Every recipient has been resolved and allowed by the caller.
    virtual Task<Result<std::unique_ptr<Incoming>>> begin(Id message, Envelope envelope) = 0;
    // False while the store takes no new mail (disk full): MAIL answers 452 4.3.1.
    virtual bool takes_mail() const = 0;
    // A message that is still held (RFC 4865) is forgotten, if it is one that this account may write. Errors:
    // not_found (it is not, or it goes out already), unavailable.
    virtual Task<Result<void>> cancel(Id message, Id account);
};

inline Task<Result<void>> Intake::cancel(Id, Id) { co_return fail(ErrorCode::not_found, "nothing is held here"); }

}  // namespace posthouse::smtp
