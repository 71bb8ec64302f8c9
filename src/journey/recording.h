// Takes down what the rooms tell: the Recorder of a running house.
//
// Telling costs a lock nobody else holds and a copy of the text into memory; the writer (writer.h) takes it from
// there. Memory is bounded: when the writer falls behind, what is told is dropped and counted.
//
// Threads: any. Each thread writes into a shelf of its own (or shares one with few others), so
// what one session tells stays in order. Lifetime: outlives every session and the writer.
#pragma once

#include "base/recorder.h"
#include "journey/event.h"
#include "journey/rows.h"

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <unordered_map>

namespace posthouse::journey {

// What is known of a segment without reading it.
struct Segment {
    std::string bytes;
    std::vector<Id> subjects;  // in any order, with repetitions
    std::vector<Found> found;
    std::uint64_t events = 0;
};

struct RecordingLimits {
    std::size_t dialogue_bytes = 64 * 1024;  // of one session's lines for one message
    // A segment is closed past this; with the largest event behind it, it still fits into one row, packed or not.
    std::size_t segment_bytes = 40 * 1024;
    std::size_t held_bytes = 16 * 1024 * 1024;  // that the writer has not taken yet
};

class Recording final : public Recorder {
public:
    explicit Recording(const Clock& clock, RecordingLimits limits = {}) : clock_(clock), limits_(limits) { }

    void line(const DialogueLine& line) override;
    void step(const Step& step) override;
    void hop(const HopOpened& opened) override;
    void tls(const TlsBegun& begun) override;
    void dns(const DnsAnswered& answered) override;
    void wait(const QueueWait& wait) override;

    // Everything told so far, in order within each thread. By the writer alone.
    std::vector<Segment> drain();
    // Events not kept since the last call, for want of room.
    std::uint64_t take_dropped() { return dropped_.exchange(0); }
    // Called, on the thread that tells, by the first event after a drain. Before anything is told.
    void on_first(std::function<void()> call) { on_first_ = std::move(call); }

private:
    static constexpr std::size_t shelves = 8;
    static constexpr std::size_t most_dialogues = 100'000;  // remembered a shelf

    // How much of a session's dialogue is kept already.
    struct Spent {
        Id message = 0;
        std::size_t bytes = 0;
    };
    struct Shelf {
        std::mutex mutex;
        SegmentWriter open;
        Segment facts;  // of the open one
        std::vector<Segment> closed;
        std::unordered_map<Id, Spent> spent;  // by session
    };

    // Runs `write` on this thread's shelf, unless there is no room.
    template <class Write> void tell(Id session, Id message, Write write);
    void close_segment(Shelf& shelf);
    bool may_keep(Shelf& shelf, const DialogueLine& line, WallTime now);
    Shelf& mine();

    const Clock& clock_;
    RecordingLimits limits_;
    std::array<Shelf, shelves> shelves_;
    std::atomic<std::size_t> held_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
    std::atomic<bool> is_empty_ = true;
    std::function<void()> on_first_;
};

}  // namespace posthouse::journey
