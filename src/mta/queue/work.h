// What the queue holds in memory of an item that is being worked on. Everything else stays on disk.
#pragma once

#include "message/digest.h"
#include "mta/queue/rows.h"

namespace posthouse::mta::queue {

// Where an entry is, while its item is in memory.
enum class Stage : std::uint8_t {
    on_disk,  // it waits, for its time or for room; its waiting row leads back to it
    ready,  // in a ready list
    taken,  // somebody owns it: an attempt, an event, a command
    gone,  // it has no rows any longer
};

// Shared by all who work on the item. `item` does not change; `left` is the ledger's to change; `stages`,
// `pins` and `next_event` are the board's, with its mutex; an entry belongs to whoever has taken it, and
// is changed when the ledger has written what he made of it.
struct Work {
    Item item;  // next_event: as it was when the item came into memory
    WallTime next_event;
    std::vector<Entry> entries;
    std::vector<Stage> stages;  // one each
    std::size_t left = 0;  // entries that have rows
    unsigned pins = 0;  // who needs it kept although nothing of it is ready or taken
};
using WorkPtr = std::shared_ptr<Work>;

// What an item says, as far as it is in memory: of one that was accepted just now.
struct Letter {
    mailbox::Content content;
    std::shared_ptr<const message::Digest> digest;
};

// Entries of one item that go one way together, by their place in `work->entries`.
struct Job {
    WorkPtr work;
    std::vector<std::size_t> at;
    Letter letter;
    std::optional<Promise<bool>> tried;  // fulfilled when all of them were
};

}  // namespace posthouse::mta::queue
