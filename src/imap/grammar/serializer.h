// The one place that writes IMAP text: what the server answers and what the client end commands.
//
// Text is gathered in pieces: small things are appended to the last piece, a big string is moved in
// as a piece of its own, so that a message's body is never copied. Nothing from outside can break
// out: quoted strings hold no CR, LF, NUL or 8-bit byte, everything else becomes a literal.
// A value; one task.
#pragma once

#include "base/time.h"
#include "imap/grammar/fetch_attributes.h"
#include "imap/grammar/utf7.h"

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::imap {

// How literals are announced.
enum class LiteralStyle {
    server,  // "{5}": the other end just reads on
    synchronising,  // "{5}", and the client waits for "+": a piece ends behind each announcement
    non_synchronising,  // "{5+}" (RFC 7888)
};

class Serializer {
public:
    explicit Serializer(LiteralStyle style = LiteralStyle::server) : style_(style) { }
    // utf8: names as they are, and UTF-8 in quoted strings (RFC 6855 section 3, RFC 9051 section 4.3).
    void set_names(NameEncoding names) { names_ = names; }
    NameEncoding names() const { return names_; }

    // Protocol text of our own: words, blanks, parentheses, CRLF.
    Serializer& raw(std::string_view text)
    {
        tail_ += text;
        return *this;
    }
    Serializer& number(std::uint64_t value)
    {
        char digits[20];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        tail_.append(digits, end);
        return *this;
    }
    Serializer& crlf() { return raw("\r\n"); }

    Serializer& string(std::string_view text);  // quoted if it can be, else a literal
    Serializer& nstring(std::optional<std::string_view> text);
    Serializer& astring(std::string_view text);
    Serializer& nil() { return raw("NIL"); }
    Serializer& literal(std::string bytes);  // big ones are moved in
    // "{n}" CRLF for n bytes that the caller brings itself, on the wire or by raw().
    Serializer& literal_head(std::uint64_t size);
    Serializer& literal8(std::string bytes);  // RFC 3516: "~{n}", for bytes with NUL among them
    Serializer& mailbox(std::string_view utf8);  // astring, in modified UTF-7 or as it is
    Serializer& pattern(std::string_view utf8);  // the same for LIST, wildcards bare
    // Text for people (resp-text, `+` lines): controls and 8-bit bytes escaped, never empty.
    Serializer& text(std::string_view text);
    Serializer& flags(std::span<const std::string> names);  // with parentheses
    Serializer& date_time(WallTime time);  // with its quotes
    // "BODY[HEADER.FIELDS (FROM)]<0>"; the origin alone is told in answers.
    Serializer& section(const Section& section, std::optional<std::uint64_t> origin);
    // "FLAGS", "BODY.PEEK[1]<0.100>": as a client asks.
    Serializer& fetch_attribute(const FetchAttribute& attribute);

    std::size_t size() const { return size_ + tail_.size(); }
    bool empty() const { return size() == 0; }
    // All of it, in order; begins anew. No piece is empty.
    std::vector<std::string> take();
    std::string take_joined();

private:
    void end_piece();

    LiteralStyle style_;
    NameEncoding names_ = NameEncoding::utf7;
    std::vector<std::string> pieces_;
    std::size_t size_ = 0;  // of pieces_
    std::string tail_;
};

}  // namespace posthouse::imap
