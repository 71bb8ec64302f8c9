// One message of an APPEND or REPLACE as it comes in: from literals, and from messages that URLs name (RFC 4469).
#pragma once

#include "imap/grammar/append_syntax.h"
#include "imap/server/session.h"

namespace posthouse::imap {

class IncomingMessage {
public:
    // `target`: the account that it goes into; `freed`: how many bytes of its quota it will give back (RFC 8508);
    // `head`: its flags and date.
    IncomingMessage(Session& session, mailbox::AccountPtr target, std::uint64_t freed, AppendStep head);

    // The literal that waits, from the wire to the store piece by piece, bytes kept as they are. An answer ends the
    // command: NO before the bytes were asked for, or the session's end. What the store refuses is still read to its
    // end, so that the session goes on behind it.
    Task<std::optional<Reply>> take_literal();
    Task<std::optional<Reply>> take_url(std::string url);
    std::uint64_t size() const { return size_; }

    // Of the whole. The error is the answer.
    Task<std::expected<mailbox::Filing, Reply>> finish(mailbox::MailboxId mailbox);

private:
    Task<Result<void>> receive();
    Task<bool> pass_on(std::string piece);

    Session& session_;
    mailbox::AccountPtr target_;
    std::uint64_t freed_;
    AppendStep head_;
    std::unique_ptr<mailbox::ContentWriter> writer_;
    std::uint64_t size_ = 0;
    Result<void> written_;  // the first thing that went wrong
};

}  // namespace posthouse::imap
