// Sessions recorded on demand: whoever administers asks for those of an account or an address, and hears every line
// of them from then on. `posthouse trace --session` asks.
//
// Nothing is written to disk, and while nobody asks nothing is done. A session that began before it was asked for is
// not recorded: its beginning would be missing. What a session says before its login is held until the login tells
// whose it is, or is forgotten. Passwords and message content are left out at the source (base/recorder.h).
//
// Bounded: watches, sessions of a watch, bytes of a session, bytes that nobody has fetched. A watch that nobody asks
// for a minute has ended.
//
// Threads: any. Lifetime: outlives every session.
#pragma once

#include "base/recorder.h"
#include "base/result.h"

#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace posthouse::journey {

enum class Protocol : std::uint8_t { imap, pop3, smtp };
std::string_view to_string(Protocol protocol);
std::optional<Protocol> parse_protocol(std::string_view word);

// Whose sessions. At least one of user and peer is set.
struct SessionWish {
    Protocol protocol = Protocol::imap;
    std::string user;  // "alice@north.test"
    std::string peer;  // "192.0.2.7"
};

struct Heard {
    enum class Kind : std::uint8_t {
        opened,
        line,
        cut,  // the session goes on, but is over its limit
        closed,
        lost,  // lines that nobody fetched in time; `session` 0
    };
    Kind kind = Kind::line;
    WallTime at;
    Id session = 0;
    unsigned number = 0;  // of the session within the watch, from 1
    Protocol protocol = Protocol::imap;
    Speaker speaker = Speaker::client;
    std::string text;  // a line; of `opened` the peer's address; of `lost` how many
    std::string user = {};  // of `opened`: whose login it is; empty: not known
};

struct SessionLimits {
    std::size_t watches = 4;
    unsigned sessions = 100;  // of a watch
    std::size_t waiting_sessions = 10'000;  // of which it is not known yet whose they are
    std::size_t bytes_before_login = 16 * 1024;
    std::size_t session_bytes = 1024 * 1024;
    std::size_t held_bytes = 4 * 1024 * 1024;  // of a watch, not fetched yet
    std::size_t line_bytes = 2048;
    Duration patience = 1min;  // without being asked
};

class SessionRecorder final : public Recorder {
public:
    explicit SessionRecorder(const Clock& clock, SessionLimits limits = {}) : clock_(clock), limits_(limits) { }

    // Errors: limit (watches), malformed (nobody is named).
    Result<Id> watch(SessionWish wish);
    // What was heard since it was last asked. not_found: the watch has ended.
    Result<std::vector<Heard>> take(Id watch);
    void end(Id watch);

    void line(const DialogueLine& line) override;
    void step(const Step& step) override;
    void hop(const HopOpened& opened) override;
    void tls(const TlsBegun&) override { }
    void dns(const DnsAnswered&) override { }
    void wait(const QueueWait&) override { }
    bool wanted() const override { return count_.load(std::memory_order_relaxed) > 0; }

private:
    struct Watch {
        SessionWish wish;
        SteadyTime asked;
        unsigned sessions = 0;
        std::vector<Heard> heard;
        std::size_t held = 0;
        std::uint64_t lost = 0;
    };
    struct Listener {
        Id watch = 0;
        unsigned number = 0;
    };
    struct Session {
        Protocol protocol = Protocol::imap;
        WallTime began;
        std::string peer;
        std::string user;
        std::vector<Listener> listeners;
        std::vector<Heard> before;  // while nobody listens yet
        std::size_t bytes = 0;
        bool is_cut = false;
    };

    void forget_unasked();
    bool may_become_wanted(const Session& session) const;
    void attach_where_wanted(Id id, Session& session);
    void tell(Session& session, Heard heard);
    void push(Watch& watch, Heard heard);
    void close(Id id);

    const Clock& clock_;
    const SessionLimits limits_;
    std::atomic<std::size_t> count_ = 0;  // of watches
    mutable std::mutex mutex_;
    std::map<Id, Watch> watches_;
    std::unordered_map<Id, Session> sessions_;
    Id last_watch_ = 0;
};

// Tells two of everything.
class BothRecorders final : public Recorder {
public:
    BothRecorders(Recorder& first, Recorder& second) : first_(first), second_(second) { }

    void line(const DialogueLine& line) override
    {
        each([&](Recorder& one) { one.line(line); });
    }
    void step(const Step& step) override
    {
        each([&](Recorder& one) { one.step(step); });
    }
    void hop(const HopOpened& opened) override
    {
        each([&](Recorder& one) { one.hop(opened); });
    }
    void tls(const TlsBegun& begun) override
    {
        each([&](Recorder& one) { one.tls(begun); });
    }
    void dns(const DnsAnswered& answered) override
    {
        each([&](Recorder& one) { one.dns(answered); });
    }
    void wait(const QueueWait& wait) override
    {
        each([&](Recorder& one) { one.wait(wait); });
    }
    bool wanted() const override { return first_.wanted() || second_.wanted(); }

private:
    template <class Tell> void each(Tell tell)
    {
        for (Recorder* one : {&first_, &second_})
            if (one->wanted())
                tell(*one);
    }

    Recorder& first_;
    Recorder& second_;
};

}  // namespace posthouse::journey
