// DEFLATE without a wrapper (RFC 1951), as IMAP's COMPRESS speaks it (RFC 4978).
//
// Each write is compressed by itself: nothing in it points back into an earlier one, so that what an attacker has
// brought into one answer tells nothing about the next (HOSTILE A19), and no session keeps a compressor.
#pragma once

#include "base/result.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace posthouse::net {

// All of it, flushed to a byte's end. Threads: any.
Result<std::string> deflate(std::span<const std::string> pieces);

// One direction of a connection. A value of about 40 KiB once bytes have come; one task.
class Inflater {
public:
    Inflater();
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    enum class Outcome : std::uint8_t {
        more,  // something came out; there may be more in what was taken
        starved,  // all that came out of what was given is out
        ended,  // the peer has ended its stream
        broken,  // these bytes are no DEFLATE
    };
    // Takes from the front of `packed`, writes to the front of `room`: never more than that, whatever the input says.
    Outcome inflate(std::string_view& packed, std::span<char>& room);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace posthouse::net
