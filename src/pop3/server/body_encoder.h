// A stored message to the lines of a multi-line reply: RFC 1939 section 3.
//
// Lines that begin with a dot get one more; `.` alone ends it. What came by SMTP has CRLF only, and
// goes out byte for byte. What came by APPEND or import may hold an LF without CR, or no line end at
// its end: on this wire a line ends with CRLF, so a CR is put before such an LF, and CRLF behind a
// last line without. Otherwise clients that end lines at LF would take `LF . LF` for the end, and read
// the rest of a message as replies (HOSTILE A2). Such a message has a few octets more here than LIST
// says; IMAP gives it as it is. A CR without LF stays.
//
// Bytes come in pieces of any size; the result does not depend on how they were cut.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace posthouse::pop3 {

// Threads: one task. A value.
class BodyEncoder {
public:
    // The piece itself where nothing in it has to change.
    std::string encode(std::string piece);
    // What follows the last piece: the line end that is missing, and ".\r\n".
    std::string finish() const;

private:
    bool must_change(std::string_view piece) const;

    bool at_line_start_ = true;
    bool after_cr_ = false;
};

// Where TOP (RFC 1939 section 7) stops: behind the header, its empty line and so many lines of the body.
class TopCutter {
public:
    explicit TopCutter(std::uint64_t lines) : left_(lines) { }
    // How many bytes of the piece belong to it. Once is_done(), no more do.
    std::size_t take(std::string_view piece);
    bool is_done() const { return is_done_; }

private:
    std::uint64_t left_;
    bool in_header_ = true;
    std::size_t line_bytes_ = 0;  // of the line under way, without its LF
    bool line_begins_with_cr_ = false;
    bool is_done_ = false;
};

}  // namespace posthouse::pop3
