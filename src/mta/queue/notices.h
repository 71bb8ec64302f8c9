// Makes the messages that tell senders what became of theirs: what is told comes from outcome.h, the text
// from smtp::NoticeWriter, the way to the sender from the directory.
//
// A notice is an item of the same shard as the one it tells of, so that both are one commit.
//
// Threads: any. Lifetime: its services outlive it.
#pragma once

#include "directory/directory.h"
#include "mta/queue/ledger.h"
#include "mta/queue/outcome.h"

namespace posthouse::mta::queue {

struct NoticeServices {
    store::Store& store;
    store::Blobs& blobs;
    directory::Directory& directory;
    mailbox::Mailboxes& mailboxes;
    smtp::NoticeWriter* writer;  // null: nobody is told, and what would have to be told waits
    const Policies& policies;
    const QueueClock& time;
    IdSource& ids;
    const Clock& clock;
    Log& log;
};

class Notices {
public:
    explicit Notices(NoticeServices services) : services_(services) { }

    // One notice a kind of news (what failed, what is late, what went well). Empty: nobody is there to be
    // told. Errors: unavailable and such; try again.
    Task<Result<std::vector<Accepted>>> make(WorkPtr work, Letter letter,
                                             std::vector<smtp::NoticeRecipient> recipients);
    bool can_tell() const { return services_.writer != nullptr; }

private:
    Task<Result<Accepted>> write(WorkPtr work, Letter letter, std::vector<smtp::NoticeRecipient> recipients,
                                 std::vector<Entry> entries);
    Task<Result<Accepted>> address(ItemId notice, std::string text, bool smtputf8, std::vector<Entry> entries);
    Task<Result<std::vector<Entry>>> way_to_sender(smtp::Path sender);
    Id id_beside(ItemId item);

    NoticeServices services_;
};

}  // namespace posthouse::mta::queue
