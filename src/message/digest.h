// What is computed once, when a message is filed, so that a listing never opens the message:
// envelope, structure, preview. Made by DigestBuilder (message/parser.h), kept in the e-mail's row.
//
// All offsets count bytes from the start of what was parsed (the blob). No string in a Digest holds CR,
// LF or NUL; they may hold 8-bit bytes that are not UTF-8, as the message has them.
// A value; immutable once built; threads: any may read.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "message/address.h"
#include "message/header.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::message {

// What RFC 3501 section 7.4.2 needs. Texts are unfolded and trimmed (`in_reply_to` in front only), encoded-words kept
// raw; nullopt: no such field, empty: an empty one. `sender` and `reply_to` are what the message says: that they
// default to `from` is applied by imap/server, where ENVELOPE is written. A field that appears twice counts once, the
// first; of Reply-To, To, Cc and Bcc all are joined (RFC 5322 sections 4.5.2 and 4.5.3).
struct Envelope {
    std::optional<std::string> date;
    std::optional<std::string> subject;
    std::vector<Address> from;
    std::vector<Address> sender;
    std::vector<Address> reply_to;
    std::vector<Address> to;
    std::vector<Address> cc;
    std::vector<Address> bcc;
    std::optional<std::string> in_reply_to;
    std::optional<std::string> message_id;
    friend bool operator==(const Envelope&, const Envelope&) = default;
};

inline constexpr std::int32_t no_part = -1;

// One MIME entity (RFC 2045, 2046). The header is [header_begin, body_begin) with its empty line, the body
// [body_begin, end), without the line end that belongs to a following boundary.
//
// A multipart has at least one child. A message/rfc822 or message/global has exactly one, the message
// in it, whose header begins where its own body begins, and an `envelope`. What claims to be one of these
// and cannot be taken apart is told as a leaf instead: text/plain where no boundary is found,
// application/octet-stream where it is encoded (base64) or beyond the limits.
struct Part {
    std::string type = "text";  // lower case
    std::string subtype = "plain";  // lower case
    std::vector<Parameter> parameters;  // as in the message, see parameter() in message/header.h
    std::string id;  // Content-ID with its brackets; empty: none (so for all below)
    std::string description;
    std::string encoding = "7bit";  // lower case
    std::string md5;
    std::string disposition;  // lower case: "attachment"
    std::vector<Parameter> disposition_parameters;
    std::vector<std::string> language;
    std::string location;

    std::uint64_t header_begin = 0;
    std::uint64_t body_begin = 0;
    std::uint64_t end = 0;
    std::uint64_t lines = 0;  // line ends in the body

    std::int32_t parent = no_part;  // index into Digest::parts
    std::uint32_t after = 0;  // index of the first part that is not inside this one
    std::int32_t envelope = no_part;  // index into Digest::embedded

    bool is_multipart() const { return type == "multipart"; }
    bool is_message() const { return envelope != no_part; }
    bool is_leaf() const { return !is_multipart() && !is_message(); }
    bool is_text() const { return type == "text"; }
    std::uint64_t body_size() const { return end - body_begin; }
    std::string file_name() const;  // for people, UTF-8, as the message says: it is not safe as a path; empty: none
    std::string charset() const;  // lower case; "us-ascii" where not said
    friend bool operator==(const Part&, const Part&) = default;
};

struct Digest {
    Envelope envelope;
    std::vector<std::string> references;  // ids without brackets; the first and the last 99
    std::optional<DateTime> sent;  // the Date field
    std::vector<Part> parts;  // in pre-order; parts[0] is the message itself and always there
    std::vector<Envelope> embedded;  // of message/rfc822 parts
    std::string preview;  // RFC 8970: up to 200 characters of text, UTF-8; empty: nothing to tell
    bool has_attachment = false;  // a part that a reader should offer for download (JMAP hasAttachment)
    bool has_8bit = false;  // a byte above 127 anywhere
    bool has_8bit_header = false;  // in the message's own header (RFC 6532)
    bool has_nul = false;
    std::uint32_t received = 0;  // Received fields in the message's own header
    std::uint32_t header_garbage = 0;  // lines in the message's own header that are no field

    std::uint64_t size() const { return parts.empty() ? 0 : parts[0].end; }

    // Children of parts[index], without recursion:
    //   for (auto child = first_child(i); child != no_part; child = next_sibling(child))
    std::int32_t first_child(std::int32_t index) const;
    std::int32_t next_sibling(std::int32_t index) const;

    // RFC 3501 section 6.4.5: the part that `1.2.3` names; nullptr: there is none. An empty path is the
    // message itself (parts[0]). A part that is not multipart has itself as part 1; the parts of a
    // message/rfc822 part are those of the message in it.
    const Part* find(std::span<const std::uint32_t> path) const;
    // "1.2.1" of a part: the inverse; "" for a multipart that is the message itself, or the message in a
    // message/rfc822 part.
    std::string path_of(std::int32_t index) const;

    friend bool operator==(const Digest&, const Digest&) = default;
};

// The same read in place: views into a stored digest, or into an Envelope. For listings, which write thousands a
// second; its vectors are kept from one message to the next.
struct AddressView {
    Address::Kind kind = Address::Kind::mailbox;
    std::string_view display_name;
    std::string_view local_part;
    std::string_view domain;
    std::string_view route;
    friend bool operator==(const AddressView&, const AddressView&) = default;
};
struct EnvelopeView {
    std::optional<std::string_view> date;
    std::optional<std::string_view> subject;
    std::vector<AddressView> from;
    std::vector<AddressView> sender;
    std::vector<AddressView> reply_to;
    std::vector<AddressView> to;
    std::vector<AddressView> cc;
    std::vector<AddressView> bcc;
    std::optional<std::string_view> in_reply_to;
    std::optional<std::string_view> message_id;
    friend bool operator==(const EnvelopeView&, const EnvelopeView&) = default;
};
EnvelopeView view_of(const Envelope& envelope);  // lives as long as the envelope
// Of encode()'s value; false: it cannot be read. What stands behind the envelope is not looked at.
bool read_envelope(std::string_view stored, EnvelopeView& into);

// The stored value (docs/store-layout.md), with a version byte first. Below 1 KiB for everyday messages; bounded
// by the parser's limits to about 2 MiB: what is over the store's 64 KiB the caller keeps in a side blob.
std::string encode(const Digest& digest);
// Errors: corrupt, for anything that encode() does not write. Never reads past the end, takes memory in
// proportion to `value` only.
Result<Digest> decode_digest(std::string_view value);

}  // namespace posthouse::message
