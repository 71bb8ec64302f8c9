// Telling a sender what became of a message: what the queue asks for, and mta/bounce writes.
//
// Threads: any. Lifetime: a NoticeWriter outlives the queue.
#pragma once

#include "smtp/relay.h"

namespace posthouse::smtp {

// RFC 3464 section 2.3.3 `action-value`.
enum class NoticeKind : std::uint8_t { failed, delayed, delivered, relayed, expanded };

struct NoticeRecipient {
    NoticeKind kind = NoticeKind::failed;
    Recipient recipient;  // with its ORCPT
    RecipientFate fate;
    std::uint32_t attempts = 0;
    WallTime last_attempt;
    std::optional<WallTime> retried_until;  // delayed: when it will be given up
};

struct Notice {
    Id notice = 0;  // the id of the notice itself, for its Message-ID
    Id about = 0;  // the message's
    WallTime arrived;  // of the message
    Envelope envelope;  // the message's, without its recipients: reverse path (never null), RET, ENVID, SMTPUTF8
    std::string received_from;  // the host that handed it to us; empty: none is told of
    std::vector<NoticeRecipient> recipients;  // at least one
    std::string header;  // of the message, at most 64 KiB of it
    std::string content;  // the whole message where RET=FULL asks for it and it is small enough; else empty
    bool content_is_whole = false;
};

class NoticeWriter {
public:
    virtual ~NoticeWriter() = default;
    // The notice as a message: header and body, CRLF lines, to be sent with the null reverse-path.
    virtual std::string write(const Notice& notice, WallTime now) const = 0;
};

}  // namespace posthouse::smtp
