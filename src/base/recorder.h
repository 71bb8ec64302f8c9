// What happens to a message is told through this interface, from the start, by every room.
//
// A session tells each line of its dialogue and each step; journey/ keeps it and shows it. Passwords
// and message content are left out at the source: the speaker passes a placeholder instead. The time
// of whatever is told is the moment of telling.
//
// Who may see what (journey/story.h): the submitter and the operator everything; a recipient what
// concerns nobody else. So whatever speaks of one recipient names it in `recipient`.
//
// Threads: any; must not block. Lifetime: outlives every session. Views are copied if kept.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <optional>
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
    std::string_view recipient = {};  // RCPT and its reply: whose it is
};

// One step of a message or session: what was done, with which result, by which rule.
struct Step {
    Id session = 0;
    Id message = 0;
    std::string_view room;  // "msa", "mta/receive", "mda"
    std::string_view step;  // "accepted", "filed", "refused", "login"
    std::string_view result;  // "250 2.0.0", "INBOX"
    std::string_view reason;  // a sentence for people: the decision and the rule behind it

    // What it concerns, where that becomes known by it. Journeys are found by the first three.
    std::string_view sender = {};  // the reverse-path, "alice@north.test"
    std::string_view recipient = {};  // as the envelope names it
    std::string_view message_id = {};  // the header's Message-ID, without brackets
    Id account = 0;  // with a sender: the submitter's; with a recipient: of who has it in the mailbox
    std::uint64_t size = 0;  // of the message in bytes
    std::string_view next_host = {};  // "relayed": whose it is now …
    std::string_view next_id = {};  // … and what it is called there (its "queued as ID")
};

// A connection was opened: a hop begins. It ends with the step "closed" of the same session.
enum class HopWay : std::uint8_t { in, out };
struct HopOpened {
    Id session = 0;
    Id message = 0;  // out: the one it was opened for
    HopWay way = HopWay::in;
    std::string_view room;
    std::string_view peer;  // "127.0.0.1:51122"
    std::string_view local = {};  // "127.0.0.1:2587"
    std::string_view peer_name = {};  // out: the host that was looked for, "mx.south.test"
};

struct TlsBegun {
    Id session = 0;
    Id message = 0;
    std::string_view room;
    std::string_view version;  // "TLSv1.3"
    std::string_view cipher;  // "TLS_AES_256_GCM_SHA384"
    std::string_view server_name = {};  // what the client asked for (SNI)
    std::string_view certificate = {};  // of the peer: subject, as far as it showed one
    bool verified = false;  // the peer's certificate
    std::string_view reason = {};  // by which rule it was enough, or why it is not verified
};

struct DnsAnswered {
    Id session = 0;
    Id message = 0;
    std::string_view room;
    std::string_view question;  // "MX south.test"
    std::string_view answer;  // "10 mx.south.test, 20 mx2.south.test"; empty: nothing
    std::string_view status;  // "NOERROR", "NXDOMAIN", "timeout"
    bool secure = false;  // validated by DNSSEC
    Duration took{};
    std::string_view reason = {};  // what follows from it: "no MX: the address itself is used"
};

// A recipient has to wait in the queue.
struct QueueWait {
    Id message = 0;
    std::string_view room;
    std::string_view recipient;
    WallTime until;  // the next attempt
    std::uint32_t attempts = 0;  // so far
    std::string_view result;  // what the last one came to: "451 4.3.0", "connection refused"
    std::string_view reason;
};

class Recorder {
public:
    virtual ~Recorder() = default;
    virtual void line(const DialogueLine& line) = 0;
    virtual void step(const Step& step) = 0;
    // Facts with a shape of their own. A recorder that does not care for it gets steps.
    virtual void hop(const HopOpened& opened)
    {
        step({opened.session, opened.message, opened.room, "connected", opened.peer, opened.peer_name});
    }
    virtual void tls(const TlsBegun& begun)
    {
        const std::string facts = std::string(begun.version) + " " + std::string(begun.cipher);
        step({begun.session, begun.message, begun.room, "tls", facts, begun.reason});
    }
    virtual void dns(const DnsAnswered& answered)
    {
        const std::string facts =
            std::string(answered.question) + " " + std::string(answered.status) + " " + std::string(answered.answer);
        step({answered.session, answered.message, answered.room, "dns", facts, answered.reason});
    }
    virtual void wait(const QueueWait& wait)
    {
        step({.message = wait.message,
              .room = wait.room,
              .step = "waits",
              .result = wait.result,
              .reason = wait.reason,
              .recipient = wait.recipient});
    }
    // False: nobody listens, the caller may save itself the work of making texts.
    virtual bool wanted() const { return true; }
};

class NoRecorder final : public Recorder {
public:
    void line(const DialogueLine&) override { }
    void step(const Step&) override { }
    void hop(const HopOpened&) override { }
    void tls(const TlsBegun&) override { }
    void dns(const DnsAnswered&) override { }
    void wait(const QueueWait&) override { }
    bool wanted() const override { return false; }
};

}  // namespace posthouse
