// What SMTP carries beside the message, typed: the envelope, and who takes messages over.
//
// Rooms pass these values among themselves, never lines of text (docs/hostile.md).
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::smtp {

// RFC 5321 section 4.1.2 `Mailbox`, unquoted; domain in lower case as given (A- or U-labels).
struct Path {
    std::string local_part;
    std::string domain;  // both empty: the null reverse-path <>; only domain empty: <postmaster>
    bool is_null() const { return local_part.empty() && domain.empty(); }
    std::string text() const;  // "alice@north.test", local part quoted where it must be; "" for null
    friend bool operator==(const Path&, const Path&) = default;
};

enum class BodyType : std::uint8_t { seven_bit, eight_bit };  // RFC 6152

// RFC 3461 section 4.1. Bits.
enum class Notify : std::uint8_t { unset = 0, success = 1, failure = 2, delay = 4, never = 8 };
enum class Ret : std::uint8_t { unset, full, headers };

struct Recipient {
    Path path;
    std::uint8_t notify = 0;  // Notify bits
    std::string original_recipient;  // ORCPT, decoded: "rfc822;bob@north.test"
};

// RFC 2852: what shall happen when a message is late.
struct DeliverBy {
    WallTime until;
    bool notify_only = false;  // by-mode N: tell, and go on; R: give up and return
    bool trace = false;
};

struct Envelope {
    Path reverse_path;
    std::vector<Recipient> recipients;
    BodyType body = BodyType::seven_bit;
    bool smtputf8 = false;
    std::uint64_t declared_size = 0;  // SIZE=, 0: not said
    Ret ret = Ret::unset;
    std::string envelope_id;  // ENVID, decoded
    std::optional<WallTime> hold_until;  // RFC 4865: not to be sent on before
    std::optional<DeliverBy> deliver_by;
    int priority = 0;  // RFC 6710 section 5.1: -9 to 9
};

}  // namespace posthouse::smtp
