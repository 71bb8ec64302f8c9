// What an IMAP server says, each kind of response in a struct of its own.
//
// RFC 3501 section 7 and 9; the extensions are named where they come in. One function per
// production. Everything is a copy: a response outlives the text it was read from. The server is
// as hostile as any peer: nothing recurses, and what is kept is in proportion to what was sent.
// Pure; threads: any.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "message/digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace posthouse::imap {

// resp-text-code: "[UIDNEXT 12]" is {"UIDNEXT", "12"}; both empty: there is none.
struct ResponseCode {
    std::string name;  // upper case
    std::string text;
};

// OK, NO, BAD, PREAUTH, BYE; with a tag it ends a command.
struct StatusResponse {
    enum class Kind : std::uint8_t { ok, no, bad, preauth, bye };
    Kind kind = Kind::ok;
    std::string tag;  // empty: untagged
    ResponseCode code;
    std::string text;  // for people; as it came: escape before showing
    bool is_ok() const { return kind == Kind::ok; }
};
struct ContinuationResponse {
    std::string text;  // base64 in a SASL exchange
};
struct CapabilityResponse {
    std::vector<std::string> names;  // upper case
};
struct ListResponse {
    bool subscribed = false;  // LSUB
    std::vector<std::string> attributes;  // "\\Noselect", "\\Sent"
    char separator = '\0';  // NUL: flat
    std::string mailbox;  // UTF-8; a name that is no modified UTF-7 stands as it came
    bool has(std::string_view attribute) const;  // ignoring case
};
struct SearchResponse {
    std::vector<std::uint32_t> numbers;
};
struct MailboxStatusResponse {
    std::string mailbox;
    std::optional<std::uint64_t> messages;
    std::optional<std::uint64_t> unseen;
    std::optional<std::uint64_t> uid_next;
    std::optional<std::uint64_t> uid_validity;
};
struct FlagsResponse {
    std::vector<std::string> flags;
};
struct CountResponse {
    enum class Kind : std::uint8_t { exists, recent, expunge };
    Kind kind = Kind::exists;
    std::uint32_t number = 0;
};

// One message of a FETCH: what was asked, and what the server felt like telling.
struct FetchResponse {
    std::uint32_t number = 0;
    std::uint32_t uid = 0;  // 0: not told
    std::optional<std::vector<std::string>> flags;
    std::optional<WallTime> internal_date;
    std::optional<std::uint64_t> size;
    std::optional<message::Envelope> envelope;
    std::optional<bool> has_attachment;  // from BODYSTRUCTURE: a part says that it is one
    std::optional<std::string> body;  // BODY[…], RFC822…: the last one
    std::optional<std::string> preview;  // RFC 8970
    std::string email_id;  // RFC 8474
    std::string thread_id;
};
// One that means nothing to us: ID, NAMESPACE, ENABLED, VANISHED, …
struct OtherResponse {
    std::string name;
};

using Response = std::variant<StatusResponse, ContinuationResponse, CapabilityResponse, ListResponse, SearchResponse,
                              MailboxStatusResponse, FlagsResponse, CountResponse, FetchResponse, OtherResponse>;

inline constexpr std::size_t most_structure_depth = 1000;

// A whole response without its last CRLF, literals in place. malformed says where.
Result<Response> parse_response(std::string_view text);

// Is this the beginning of a response that is text for people to its end? Such a one holds no
// literals, whatever it ends with.
bool is_status(std::string_view text);
// Do the bytes of a literal that is announced at the end of `text` belong to a body section?
bool is_before_body(std::string_view text);

}  // namespace posthouse::imap
