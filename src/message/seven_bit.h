// A message with 8-bit bytes as one without, for a host that takes 7 bits only (RFC 6152 section 3):
// each part's body as quoted-printable or base64, headers by encoded-words. Streams: three readings of
// the message, none of which keeps more of it than one header.
//
//     Digest digest = …                        1. DigestBuilder: where the parts lie
//     SevenBitScan scan(digest); scan.feed(…)  2. which of them have 8-bit bytes
//     SevenBitConverter to(digest, scan.plan());
//     to.feed(piece, out) … to.finish(out)     3. the message; nothing above 127 comes out (fuzzed)
//
// text and message parts become quoted-printable, others base64. What cannot be converted rightly
// (8-bit bytes in a preamble, in base64, in a header over 1 MiB) has '?' in their place. Pure; linear;
// any chunking gives the same; threads: one. Lifetime: the digest outlives scan and converter.
#pragma once

#include "message/digest.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::message {

// What is to be done to the bytes before `end`, from where the region before it ended.
struct SevenBitRegion {
    enum class Kind : std::uint8_t { copy, header, quoted_printable, base64, escape };
    std::uint64_t end = 0;
    Kind kind = Kind::copy;
    std::uint32_t part = 0;  // index into Digest::parts, where kind is not copy
    Kind body = Kind::copy;  // of a header: what becomes of its body
    friend bool operator==(const SevenBitRegion&, const SevenBitRegion&) = default;
};

class SevenBitScan {
public:
    explicit SevenBitScan(const Digest& digest);
    void feed(std::string_view piece);
    std::vector<SevenBitRegion> plan() const;

private:
    const Digest& digest_;
    std::vector<std::uint32_t> leaves_;  // in the order of their bodies
    std::vector<bool> has_8bit_;  // by part: its body, where it is a leaf
    std::size_t leaf_ = 0;
    std::uint64_t at_ = 0;
};

// RFC 2045 section 6.7, piece by piece. No soft line break makes a line that begins with '-': what was
// inside a line cannot become a boundary's.
class QuotedPrintableEncoder {
public:
    void feed(std::string_view piece, std::string& out);
    void finish(std::string& out);

private:
    void put(char c, bool as_it_is, std::string& out);
    void put_held_blank(bool as_it_is, std::string& out);
    std::size_t column_ = 0;
    char blank_ = '\0';  // held: a line end may follow
    bool after_cr_ = false;
};

// RFC 2045 section 6.8, piece by piece; lines of 76, no line end behind the last.
class Base64LineEncoder {
public:
    void feed(std::string_view piece, std::string& out);
    void finish(std::string& out);

private:
    void put_line(std::string_view bytes, std::string& out);
    std::string held_;
    bool has_line_ = false;
};

class SevenBitConverter {
public:
    SevenBitConverter(const Digest& digest, std::vector<SevenBitRegion> plan);
    void feed(std::string_view piece, std::string& out);  // appends
    void finish(std::string& out);
    // After finish(): a signature over what was changed (multipart/signed, DKIM) does not fit any more.
    bool breaks_signature() const { return is_changed_ && (is_signed_ || inside_signed_); }

private:
    void feed_region(std::string_view piece, std::string& out);
    void end_region(std::string& out);
    std::string rewritten_header(const SevenBitRegion& region) const;

    const Digest& digest_;
    std::vector<SevenBitRegion> plan_;
    std::size_t region_ = 0;
    std::uint64_t at_ = 0;
    std::string header_;
    QuotedPrintableEncoder quoted_printable_;
    Base64LineEncoder base64_;
    bool is_changed_ = false;
    bool is_signed_ = false;  // the message's own header has a DKIM signature
    bool inside_signed_ = false;  // a part within a multipart/signed was changed
};

// A whole message at once.
std::string to_seven_bit(std::string_view message);

}  // namespace posthouse::message
