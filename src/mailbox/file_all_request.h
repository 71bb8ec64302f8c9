// MULTIAPPEND (RFC 3502): several messages into one mailbox, all or none.
#pragma once

#include "mailbox/file_request.h"

namespace posthouse::mailbox {

class FileAllRequest final : public RequestFor<std::vector<Filed>> {
public:
    FileAllRequest(LoopExecutor caller, std::vector<PreparedFiling> filings, Recent& recent) :
        RequestFor(std::move(caller)), filings_(std::move(filings)), recent_(recent)
    {
    }
    std::optional<Need> need(const State& state) const override;
    bool takes_room() const override { return true; }
    Planned plan(Draft& draft) override;
    // What no batch holds: rows, bytes and blocks first, where nobody looks, under an intent (big_append.cc).
    Task<void> run(Owner& owner) override;
    void landed(const State& state) override;

private:
    const MailboxState* target(const State& state) const;
    std::optional<Error> objection(const Draft& draft, const MailboxState& target) const;
    Result<std::vector<Entry>> entries(Draft& draft) const;  // learns keywords
    void answer_with(const MailboxRow& target, Uid first);
    Task<Result<void>> file_in_batches(Owner& owner);
    Task<Result<void>> write_emails(Owner& owner);

    std::vector<PreparedFiling> filings_;
    Recent& recent_;
    std::vector<ThreadId> threads_;
    bool begun_ = false;
};

}  // namespace posthouse::mailbox
