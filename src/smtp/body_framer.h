// The bytes of a message as they come behind DATA (RFC 5321 section 4.1.1.4, 4.5.2) or in BDAT
// chunks (RFC 3030), to the bytes of the message as it is kept.
//
// End of data is CRLF.CRLF and nothing else; a bare LF or CR anywhere is a fault that ends the
// session (HOSTILE A1), because peers disagree about what it means. Pure: the caller shows what
// came in and gets the message's bytes appended to a string of its own, whole runs at a time.
// The result does not depend on how the bytes were cut (fuzzed).
//
// Command lines are framed by net/line_framer.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthouse::smtp {

enum class BodyEvent : std::uint8_t {
    need_more,  // all of the input is consumed
    end,  // the message is whole; what stands behind it was not consumed
    bare_lf,
    bare_cr,
};

// Checks that every CR has its LF and every LF its CR, over any number of pieces.
class LineEnds {
public:
    // `need_more`: none so far. After a fault nothing more is to be shown.
    BodyEvent check(std::string_view piece);
    // A CR stands at the end of what was shown: its LF must come first in the next piece.
    bool waits_for_lf() const { return after_cr_; }

private:
    bool after_cr_ = false;
};

// One DATA body. A new object for each.
class DataFramer {
public:
    struct Frame {
        BodyEvent event = BodyEvent::need_more;
        std::size_t consumed = 0;  // bytes at the front of the input that are done with
    };
    // Appends to `out` what of `input` belongs to the message, dots unstuffed.
    Frame next(std::string_view input, std::string& out);

private:
    enum class Where : std::uint8_t { line_start, text, after_cr, after_dot, after_dot_cr };
    Frame fault(BodyEvent event, std::size_t consumed) { return {event, consumed}; }
    Where where_ = Where::line_start;
};

// What a client sends behind DATA (RFC 5321 section 4.5.2), for bodies in any pieces: a dot before
// each line that begins with one. A bare CR or LF may not be sent (section 2.3.8) and some peers
// take it for a line's end, so it goes out as CRLF and the line behind it is stuffed like any other:
// the one CRLF.CRLF is ours (HOSTILE A2). In a BDAT chunk (RFC 3030) dots are dots; line ends are
// put right all the same, as without BINARYMIME it is still lines that we promise.
class DotStuffer {
public:
    enum class For : std::uint8_t { data, chunks };
    explicit DotStuffer(For use = For::data) : use_(use) { }
    void stuff(std::string_view piece, std::string& out);
    // What ends the message: ".\r\n" for data, with a CRLF before it where the body did not end with
    // one; for chunks that CRLF alone.
    std::string_view end() const;

private:
    enum class Where : std::uint8_t { line_start, text, after_cr };
    For use_;
    Where where_ = Where::line_start;
};

}  // namespace posthouse::smtp
