// A message's journey as one looks at it: hops, steps and how it ended for each recipient; cut down to
// what the one who looks may see.
//
// Pure. Whoever sent the message sees what became of it for each recipient, but nothing out of their mailboxes; a
// recipient sees the way to the own mailbox and nobody else's; the operator sees everything.
#pragma once

#include "journey/event.h"

namespace posthouse::journey {

// Who looks: an account, or (0) the operator.
struct Viewer {
    Id account = 0;
};

struct Hop {
    Id session = 0;
    Event opened;  // hop; of kind `step` where its beginning is not kept any longer
    std::optional<Event> tls;
    std::vector<Event> steps;  // and DNS answers
    std::vector<Event> dialogue;  // lines, and `cut`
    std::optional<WallTime> closed;
};

// What became of it for one recipient.
enum class EndState : std::uint8_t { accepted, refused, waiting, filed, relayed, failed };
std::string_view to_string(EndState state);
struct End {
    std::string recipient;
    Id account = 0;  // filed: whose mailbox
    EndState state = EndState::accepted;
    Event last;  // what says so
    std::uint64_t attempts = 0;
};

struct Story {
    Id message = 0;
    std::string sender;
    Id submitter = 0;  // its account; 0: it came from elsewhere
    std::string message_id;
    std::uint64_t size = 0;
    bool was_accepted = false;
    WallTime began;
    WallTime ended;  // of what is known so far
    std::vector<Hop> hops;  // in order of their beginning
    std::vector<Event> steps;  // outside of any hop: filing, waiting, questions to DNS
    std::vector<End> ends;
};

// `events`: of one message with its sessions, in order of time (Journeys::of_message()).
Story tell_story(Id message, std::vector<Event> events);

// What `viewer` may see of it; nullopt: nothing at all. Before telling.
std::optional<std::vector<Event>> visible_to(Viewer viewer, std::vector<Event> events);

}  // namespace posthouse::journey
