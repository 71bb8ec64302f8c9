// FETCH of what e-mail rows tell as they are stored, and of whole messages: rows are read some hundred at a time,
// messages in batches cut from them, and while one batch is sent the next one is read.
#pragma once

#include "imap/server/fetch_messages.h"

namespace posthouse::imap {

// Rows are here; messages, where the plan asks for them, are on their way.
struct StoredBatch {
    std::vector<FetchedMessage> messages;
    std::vector<mailbox::StoredEmail> rows;
    std::vector<std::uint32_t> read;  // which of them have their contents in `contents`
    std::optional<Promise<Result<mailbox::Account::Contents>>> contents;
};

// One task. Lifetime: session and plan outlive it.
class StoredBatches {
public:
    // `fresh`: which have become seen just now.
    StoredBatches(Session& session, const FetchPlan& plan, Messages messages, mailbox::NumberSet fresh) :
        session_(session), plan_(plan), messages_(std::move(messages)), fresh_(std::move(fresh))
    {
    }
    // Without messages: that was all.
    Task<Result<StoredBatch>> begin();

private:
    Task<Result<void>> read_rows();
    StoredBatch cut();

    Session& session_;
    const FetchPlan& plan_;
    Messages messages_;
    mailbox::NumberSet fresh_;
    StoredBatch stock_;
    std::size_t used_ = 0;  // of stock_
};

// Those that were made seen just now.
void mark_fresh(std::vector<FetchedMessage>& batch, const mailbox::NumberSet& fresh);

// Answers the messages that must be told by their rows taken apart. `closed`: the peer is gone.
Task<Result<std::vector<FetchedMessage>>> tell_stored(Session& session, const FetchPlan& plan, StoredBatch batch);

}  // namespace posthouse::imap
