// Takes messages over from SMTP sessions. A message with exactly one recipient, of ours and now, is one
// commit into that account; every other one is first one commit into the queue (docs/design.md section 4).
//
// Threads: any. Lifetime: outlives every session.
#pragma once

#include "directory/directory.h"
#include "mta/queue/queue.h"
#include "smtp/intake.h"

namespace posthouse::mta::queue {

struct IntakeServices {
    store::Store& store;
    directory::Directory& directory;
    mailbox::Mailboxes& mailboxes;
    mailbox::Courier& courier;
    Queue& queue;
    IdSource& ids;
    const Clock& clock;
    Recorder& recorder;
};

class QueueIntake final : public smtp::Intake {
public:
    explicit QueueIntake(IntakeServices services) : services_(services) { }

    Id next_id() override { return services_.ids.next(); }
    Task<Result<std::unique_ptr<smtp::Incoming>>> begin(Id message, smtp::Envelope envelope) override;
    bool takes_mail() const override;
    Task<Result<void>> cancel(Id message, Id account) override;

private:
    IntakeServices services_;
};

}  // namespace posthouse::mta::queue
