// From the bytes of a part to text for people and for search: transfer encodings, charsets,
// format=flowed, HTML.
//
// Everything here takes what comes: bad base64 is skipped, bad quoted-printable stays as it is, bytes that do
// not fit their charset become U+FFFD. Pure; linear; threads: any.
#pragma once

#include "message/digest.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthouse::message {

enum class TransferEncoding : std::uint8_t { identity, quoted_printable, base64 };
// "7bit", "8bit", "binary" and whatever is unknown: identity. Ignoring case.
TransferEncoding transfer_encoding(std::string_view name);

// RFC 2045 section 6.7 and 6.8, piece by piece: any chunking gives the same bytes.
class TransferDecoder {
public:
    explicit TransferDecoder(TransferEncoding encoding) : encoding_(encoding) { }
    void feed(std::string_view piece, std::string& out);  // appends what is certain
    void finish(std::string& out);  // appends what was held back

private:
    void feed_base64(std::string_view piece, std::string& out);
    void feed_quoted_printable(std::string_view piece, std::string& out);
    std::size_t feed_run(std::string_view piece, std::size_t at, std::string& out);
    std::size_t feed_held(std::string_view piece, std::size_t at, std::string& out);

    TransferEncoding encoding_;
    std::string held_;  // quoted-printable: an escape not yet whole, or blanks that may end the line
    std::uint32_t group_ = 0;  // base64: up to three characters
    unsigned characters_ = 0;
};
std::string decode_transfer(std::string_view raw, TransferEncoding encoding);

// Any charset that ICU knows, by any of its names, to valid UTF-8. An unknown charset: UTF-8 if
// it is that, else windows-1252. Says nothing of errors: see above.
std::string to_utf8(std::string_view bytes, std::string_view charset);

// A text part's body, decoded: UTF-8, lines ending with LF, NUL left out, format=flowed joined. HTML stays HTML.
// `raw` is the message's [part.body_begin, part.end).
std::string decode_body(const Part& part, std::string_view raw);
// The same for reading: HTML as text. A part that is not text gives "".
std::string readable_text(const Part& part, std::string_view raw);

// RFC 3676 section 4: soft breaks joined, quotes kept as "> ", space-stuffing removed. Lines end with LF.
std::string unflow(std::string_view text, bool delete_space);

// What a person would read: blocks on lines of their own, links' addresses behind their text when they differ,
// scripts and styles left out, entities decoded. Reads at most `most` bytes of text into the result.
std::string html_to_text(std::string_view html, std::size_t most = 16 * 1024 * 1024);

}  // namespace posthouse::message
