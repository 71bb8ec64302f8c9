// What happens to a message is told through this interface, from the start, by every room.
//
// A session tells each line of its dialogue and each step; journey/ keeps it and shows it. Passwords
// and message content are left out at the source: the speaker passes a placeholder instead.
//
// Threads: any; must not block. Lifetime: outlives every session. Views are copied if kept.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <string>
#include <string_view>

namespace posthouse {

enum class Speaker : std::uint8_t { client, server };

// One line (or, for data, one summary such as "[10240 bytes of message]") of a dialogue.
struct DialogueLine {
    Id session = 0;
    Id message = 0;  // 0 until there is one
    Speaker speaker = Speaker::client;
    std::string_view text;  // without CRLF, as it came: escape before showing
};

// One step of a message or session: what was done, with which result, by which rule.
struct Step {
    Id session = 0;
    Id message = 0;
    std::string_view room;  // "msa", "mta/receive", "mda"
    std::string_view step;  // "accepted", "filed", "refused", "tls", "login"
    std::string_view result;  // "250 2.0.0", "INBOX", "TLSv1.3 TLS_AES_256_GCM_SHA384"
    std::string_view reason;  // a sentence for people: the decision and the rule behind it
};

class Recorder {
public:
    virtual ~Recorder() = default;
    virtual void line(const DialogueLine& line) = 0;
    virtual void step(const Step& step) = 0;
    // False: nobody listens, the caller may save itself the work of making texts.
    virtual bool wanted() const { return true; }
};

class NoRecorder final : public Recorder {
public:
    void line(const DialogueLine&) override { }
    void step(const Step&) override { }
    bool wanted() const override { return false; }
};

}  // namespace posthouse
