// The one MIME parser of the house: bytes in, a Digest out.
//
// Incremental (any chunking gives the same Digest), iterative (no recursion), linear. What it keeps while
// parsing is bounded by Limits: a header at a time, the open multiparts, the start of one text.
//
//     message/rfc822 and multipart nest        →  a stack of frames, at most `depth`
//     a line that starts with "--"             →  compared with the boundaries on the stack, innermost first
//     header of a part complete                →  read at once (message/header.h), the part's kind decides the frame
//
// Threads: one; not shared.
#pragma once

#include "message/digest.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace posthouse::message {

// Beyond a limit the rest is opaque: it is inside some part's bytes, but the Digest tells no more of it.
struct Limits {
    std::size_t depth = 100;  // of nesting
    std::size_t parts = 10'000;
    std::size_t parameters = most_parameters;  // of one field
    std::size_t header_bytes = 1024 * 1024;  // of one entity's header
    std::size_t addresses = most_addresses;  // in all envelopes together
    std::size_t kept_bytes = 1024 * 1024;  // of all texts in the Digest together
    std::size_t boundary_bytes = 250;  // RFC 2046 says 70; longer ones are seen
};

class DigestBuilder {
public:
    explicit DigestBuilder(const Limits& limits = {});
    ~DigestBuilder();
    DigestBuilder(DigestBuilder&&) noexcept;
    DigestBuilder& operator=(DigestBuilder&&) noexcept;

    // `piece` is not referred to after the call.
    void feed(std::string_view piece);
    // The message ends here. Once; then only destruction.
    Digest finish();

private:
    class State;
    std::unique_ptr<State> state_;
};

// A whole message at once.
Digest digest_of(std::string_view message, const Limits& limits = {});

}  // namespace posthouse::message
