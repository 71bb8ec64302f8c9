// Delivery status notifications: the machine's part of a bounce, RFC 3464 and, for addresses beyond ASCII,
// RFC 6533.
//
// Writing never fails and injects nothing: controls and bytes that are not UTF-8 are written as escapes, long
// values are cut. Reading takes what other servers write, and is bounded. Pure; threads: any.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::message {

// RFC 3464 section 2.3.3 `action-value`.
enum class DeliveryAction : std::uint8_t { failed, delayed, delivered, relayed, expanded };
std::string_view to_string(DeliveryAction action);

// RFC 3463 section 2: class "." subject "." detail.
struct StatusCode {
    std::uint16_t kind = 0;  // 2, 4 or 5
    std::uint16_t subject = 0;
    std::uint16_t detail = 0;
    friend bool operator==(const StatusCode&, const StatusCode&) = default;
};
std::optional<StatusCode> parse_status_code(std::string_view text);  // the whole of it

// RFC 3464 section 2.1.2: "rfc822; bob@north.test", "dns; mx.south.test", "smtp; 550 5.1.1 …".
struct TypedText {
    std::string type;  // lower case; empty: none stood there
    std::string text;
    bool empty() const { return text.empty(); }
    friend bool operator==(const TypedText&, const TypedText&) = default;
};
TypedText parse_typed_text(std::string_view value);
// The same for addresses and a decoded ORCPT: embedded characters of the type utf-8 (RFC 6533 section 3, "\x{E4}")
// are read.
TypedText parse_typed_address(std::string_view value);
TypedText typed_address(std::string_view address);  // rfc822, or utf-8 where it is not ASCII

// What is empty has no field.
struct RecipientStatus {
    TypedText original_recipient;
    TypedText final_recipient;
    DeliveryAction action = DeliveryAction::failed;
    std::string status;  // "5.1.1"
    TypedText remote_mta;
    TypedText diagnostic_code;
    std::optional<WallTime> last_attempt;
    std::string final_log_id;
    std::optional<WallTime> will_retry_until;
    friend bool operator==(const RecipientStatus&, const RecipientStatus&) = default;
};

struct DeliveryStatus {
    std::string original_envelope_id;
    TypedText reporting_mta;
    TypedText received_from_mta;
    std::optional<WallTime> arrival;
    struct Extension {
        std::string name;  // "X-Posthouse-Queue-ID"
        std::string value;
        friend bool operator==(const Extension&, const Extension&) = default;
    };
    std::vector<Extension> extensions;  // of the message, not of its recipients
    std::vector<RecipientStatus> recipients;
    friend bool operator==(const DeliveryStatus&, const DeliveryStatus&) = default;
};

// message/delivery-status is ASCII throughout; message/global-delivery-status may hold UTF-8 (RFC 6533 section 3).
enum class StatusForm : std::uint8_t { ascii, utf8 };
std::string_view content_type(StatusForm form);

// The body of that part.
std::string write_delivery_status(const DeliveryStatus& status, StatusForm form);

inline constexpr std::size_t most_status_recipients = 1'000;  // read of one report
// Errors: malformed, where no group of recipient fields (RFC 3464 section 2.3) with an action is in it.
Result<DeliveryStatus> parse_delivery_status(std::string_view body);

}  // namespace posthouse::message
