// What FETCH asks for: RFC 3501 `fetch-att` and `section`, with what RFC 3516, 7162, 8474, 8514 and 8970 add.
#pragma once

#include "base/cursor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posthouse::imap {

// section-spec: which octets of a message. `part` empty: of the whole message.
struct Section {
    enum class Text {
        all,  // BODY[], BODY[1.2]
        header,  // BODY[HEADER], BODY[1.HEADER]
        header_fields,
        header_fields_not,
        text,
        mime,  // only with a part
    };
    static constexpr std::size_t most_levels = 100;

    std::vector<std::uint32_t> part;
    Text text = Text::all;
    std::vector<std::string> fields;  // as the client wrote them

    friend bool operator==(const Section&, const Section&) = default;
};

struct Partial {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // not 0; both below 2^63
    friend bool operator==(const Partial&, const Partial&) = default;
};

struct FetchAttribute {
    enum class Kind {
        uid,
        flags,
        internal_date,
        rfc822_size,
        envelope,
        body_structure,  // BODYSTRUCTURE
        body,  // BODY: the same without extension data
        section,  // BODY[…], BODY.PEEK[…]
        rfc822,
        rfc822_header,
        rfc822_text,
        modseq,  // RFC 7162
        email_id,  // RFC 8474
        thread_id,
        save_date,  // RFC 8514
        preview,  // RFC 8970
        binary,  // RFC 3516: BINARY[1.2], BINARY.PEEK[…]: without its transfer encoding
        binary_size,
    };
    Kind kind = Kind::flags;
    Section section;
    bool peek = false;
    std::optional<Partial> partial;

    friend bool operator==(const FetchAttribute&, const FetchAttribute&) = default;
};

// More than any client asks for; each costs work on each message.
inline constexpr std::size_t most_fetch_attributes = 64;

// What stands between the brackets, the closing one included.
std::optional<Section> section(Cursor& in);
std::optional<FetchAttribute> fetch_attribute(Cursor& in);
// "ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")"
std::optional<std::vector<FetchAttribute>> fetch_attributes(Cursor& in);

}  // namespace posthouse::imap
