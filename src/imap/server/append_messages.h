// The messages of one APPEND or REPLACE, read off the wire; nothing is filed here.
#pragma once

#include "imap/server/append_message.h"

namespace posthouse::imap {

class IncomingMessages {
public:
    // `freed`: the size of the message that they replace.
    IncomingMessages(Session& session, mailbox::AccountPtr target, mailbox::MailboxId mailbox,
                     std::uint64_t freed = 0) :
        session_(session), target_(std::move(target)), mailbox_(mailbox), freed_(freed)
    {
    }

    // An answer: something was wrong, or the session ends.
    Task<std::optional<Reply>> read(AppendArguments arguments);
    std::vector<mailbox::Filing>& filings() { return filings_; }

private:
    Task<std::optional<Reply>> take(std::vector<AppendStep> steps);
    Task<std::optional<Reply>> finish();

    Session& session_;
    mailbox::AccountPtr target_;
    mailbox::MailboxId mailbox_;
    std::uint64_t freed_;
    std::optional<IncomingMessage> message_;
    std::vector<mailbox::Filing> filings_;
};

// A flag that nobody can set. The answer is BAD.
std::optional<Reply> fault_of_flags(const std::vector<AppendStep>& steps);
// RFC 4315 section 3.
std::string appenduid(const std::vector<mailbox::Filed>& filed);

}  // namespace posthouse::imap
