// A queued message's bytes: from memory while they are there, else from the store.
#pragma once

#include "base/log.h"
#include "mta/queue/work.h"

namespace posthouse::mta::queue {

// Reads nothing but what is asked for; `letter` may be empty. Lifetime: the services outlive the calls.
struct ContentServices {
    store::Store& store;
    store::Blobs& blobs;
    const Clock& clock;
};

// The first `most` bytes; for what a person or a notice is shown.
Task<Result<std::string>> read_content(ContentServices services, Item item, Letter letter, std::uint64_t most);

// All of it as a mailbox takes it, digest included.
Task<Result<Letter>> load_letter(ContentServices services, Item item);

// Piece by piece, for the wire. Nothing is read before it is asked for: a host that does not answer costs no
// read.
class ContentSource final : public smtp::MessageSource {
public:
    ContentSource(ContentServices services, WorkPtr work, Letter letter) :
        services_(services), work_(std::move(work)), letter_(std::move(letter))
    {
    }
    Task<Result<std::string>> next() override;

private:
    ContentServices services_;
    WorkPtr work_;
    Letter letter_;
    std::uint64_t offset_ = 0;
};

}  // namespace posthouse::mta::queue
