// Bytes to lines, strictly: a line ends with CRLF and with nothing else (RFC 5321 section 2.3.8).
//
// Pure: it owns no buffer and touches no wire. The caller shows it what is buffered and takes away
// what a frame says is done with:
//
//     LineFramer framer(512);                                  // lives as long as the session
//     for (;;) {
//         const LineFramer::Frame frame = framer.next(wire.input());
//         if (frame.kind == LineFramer::Kind::need_more) {
//             wire.consume(frame.consumed);
//             … co_await wire.fill(deadline) …                 // input() only grows
//             continue;
//         }
//         … use or copy frame.line: it points into wire.input() …
//         wire.consume(frame.consumed);
//     }
//
// Frames do not depend on how the bytes were cut into pieces (fuzzed), and each byte is looked at a
// bounded number of times, however small the pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace posthouse::net {

class LineFramer {
public:
    // The longest line taken, in bytes, its CRLF included. At least 2.
    explicit LineFramer(std::size_t most) : most_(most) { }

    enum class Kind : std::uint8_t {
        need_more,  // no end in sight: fill the wire, then call again
        line,  // `line` is the line without its CRLF; it may hold NUL and any byte but CR and LF
        bare_lf,  // an LF without CR before it; `line` is what stood before it
        bare_cr,  // a CR without LF behind it; `line` is what stood before it
        too_long,  // `most` bytes and no CRLF among them; `line` is their beginning, without a last CR
    };
    struct Frame {
        Kind kind = Kind::need_more;
        std::string_view line;  // a view into the input that was given to next()
        std::size_t consumed = 0;  // bytes at the front of the input that are done with
    };

    // `input` begins with the first byte that was not consumed yet, and holds at least what the
    // last call was shown. Bytes behind the frame are left alone. Each fault is reported at once,
    // one frame a line: behind bare_cr and too_long the rest of the line, to its LF, is consumed by
    // the next calls (as need_more with `consumed` above zero, or together with the next frame),
    // so the caller may answer and go on with the line after it.
    Frame next(std::string_view input);

    // Bytes thrown away so far as the rest of faulty lines. A door that wants to stop a line of
    // 40 MB closes when this passes its patience (HOSTILE A10).
    std::size_t swallowed() const { return swallowed_; }
    // The rest of a faulty line is still being thrown away.
    bool is_swallowing() const { return swallowing_; }

    // Other lines may be longer (AUTH responses, RFC 4954 section 4). Between frames only.
    void limit(std::size_t most) { most_ = most; }
    std::size_t limit() const { return most_; }
    // Forgets a line that has begun: the bytes shown so far go elsewhere (a literal, STARTTLS).
    void reset();

private:
    Frame fault(Kind kind, std::string_view line, std::size_t consumed);

    std::size_t most_;
    std::size_t scanned_ = 0;  // bytes of the line under way that hold neither LF nor bare CR
    std::size_t swallowed_ = 0;
    bool swallowing_ = false;
};

}  // namespace posthouse::net
