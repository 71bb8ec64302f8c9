// What is told of a message, as it is kept: events, and the bytes they are written as.
//
// An event is a kind, a time, whose it is (session, message; 0: nobody's) and fields. A field that was not
// told takes no room. Readers skip fields and kinds they do not know, so the format only grows
// (docs/store-layout.md section "Journey").
//
// A segment is a run of events, each written as its difference to the one before. Segments are read
// whole, from their start.
#pragma once

#include "base/codec.h"
#include "base/ids.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthouse::journey {

enum class Kind : std::uint8_t {
    line = 1,  // of a dialogue
    step,
    hop,  // a connection was opened
    tls,
    dns,
    wait,  // in the queue
    cut,  // the dialogue went on, but is not kept: it is over its limit
    lost,  // events that were told and not kept: the disk was too slow
};

// Fields. Below 64 texts, from there on numbers. Never renumbered.
enum class Text : std::uint8_t {
    text = 1,
    room,
    step,
    result,
    reason,
    sender,
    recipient,
    message_id,
    next_host,
    next_id,
    peer,
    local,
    peer_name,
    version,
    cipher,
    server_name,
    certificate,
    question,
    answer,
    status,
};
enum class Number : std::uint8_t {
    speaker = 64,  // 0: client, 1: server
    way,  // 0: in, 1: out
    account,
    size,  // bytes
    verified,
    secure,
    took,  // microseconds
    until,  // microseconds since 1970
    attempts,
    count,
};

struct Event {
    Kind kind = Kind::step;
    WallTime at;
    Id session = 0;
    Id message = 0;
    std::vector<std::pair<Text, std::string>> texts;
    std::vector<std::pair<Number, std::uint64_t>> numbers;

    std::string_view operator[](Text field) const;  // empty where it was not told
    std::uint64_t operator[](Number field) const;  // 0
    void set(Text field, std::string_view value);  // empty: taken away
    void set(Number field, std::uint64_t value);
    friend bool operator==(const Event&, const Event&) = default;
};

// A text longer than this is cut, with a note of how much is left out.
inline constexpr std::size_t longest_text = 2'048;

// Threads: one at a time.
class SegmentWriter {
public:
    // begin(), fields that are told, end().
    SegmentWriter& begin(Kind kind, WallTime at, Id session, Id message);
    SegmentWriter& add(Text field, std::string_view value);  // empty: nothing
    SegmentWriter& add(Number field, std::uint64_t value);  // 0: nothing
    void end() { out_.u8(0); }
    void write(const Event& event);

    std::size_t size() const { return out_.size(); }
    std::string take();  // and begins anew

private:
    Writer out_;
    std::int64_t at_ = 0;
    Id session_ = 0;
    Id message_ = 0;
};

// Any bytes are read or refused; memory in proportion to them.
class SegmentReader {
public:
    explicit SegmentReader(std::string_view segment) : in_(segment) { }
    std::optional<Event> next();  // nullopt: the end, or a fault
    bool ok() const { return ok_; }

private:
    Reader in_;
    std::int64_t at_ = 0;
    Id session_ = 0;
    Id message_ = 0;
    bool ok_ = true;
};

}  // namespace posthouse::journey
