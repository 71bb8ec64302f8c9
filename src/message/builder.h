// Writes messages: for the mail client, bounces and notices.
//
// Texts come in as UTF-8 and are encoded as the field wants (RFC 2047, RFC 2231), lines are folded at 78
// columns, line ends are CRLF. CR, LF and NUL in a value are refused, never escaped: no text from outside can
// become a header. Pure but for the clock and the random source handed in; threads: any.
#pragma once

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "message/address.h"
#include "message/header.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::message {

// One field with its CRLF, encoded and folded. Errors: malformed (a name that is no field name; CR, LF, NUL or
// invalid UTF-8 in a value).
Result<std::string> unstructured_field(std::string_view name, std::string_view value);  // Subject, Comments
Result<std::string> address_field(std::string_view name, const std::vector<Address>& addresses);  // domains in A-labels
Result<std::string> message_id_field(std::string_view name, const std::vector<std::string>& ids);  // no brackets
// Content-Type, Content-Disposition: `value; name="…"`, RFC 2231 where a value is long or not ASCII.
Result<std::string> parameterized_field(std::string_view name, std::string_view value,
                                        const std::vector<Parameter>& parameters);
// Structured text as it is (Received, Return-Path, Auto-Submitted), folded at blanks; valid UTF-8, no controls.
Result<std::string> raw_field(std::string_view name, std::string_view value);

// "<time.random@host>" without the brackets, never twice the same.
std::string make_message_id(const Clock& clock, Random& random, std::string_view host);

struct BodyPart {
    std::string type = "text/plain";  // text/…: `content` is UTF-8, any line ends
    std::vector<Parameter> parameters;  // without charset and boundary
    std::string content;
    std::string disposition;  // "attachment", "inline"; empty: no such field
    std::string file_name;
    std::string content_id;  // without brackets
    std::string description;
};

enum class BccField : std::uint8_t { leave_out, write };

struct Draft {
    std::vector<Address> from;  // display names in UTF-8
    std::vector<Address> sender;
    std::vector<Address> reply_to;
    std::vector<Address> to;
    std::vector<Address> cc;
    std::vector<Address> bcc;
    BccField bcc_field = BccField::leave_out;
    std::string subject;
    std::string message_id;  // without brackets; empty: one is made
    std::vector<std::string> in_reply_to;
    std::vector<std::string> references;
    struct Extra {
        std::string name;
        std::string value;  // unstructured
    };
    std::vector<Extra> extra;  // "Auto-Submitted", "X-Mailer", …

    // One part: the message is that part. More: a multipart.
    std::vector<BodyPart> parts;
    std::string multipart = "mixed";  // "report", "alternative", …
    std::vector<Parameter> multipart_parameters;  // report-type=delivery-status
};

// The whole message. Bodies are 7bit where they are plain ASCII of short lines, else quoted-printable or base64,
// whichever is shorter; message/… parts stay as they are (7bit or 8bit), and so does text/rfc822-headers.
// Date is the clock's now. Errors: malformed, naming the field.
Result<std::string> build_message(const Draft& draft, const Clock& clock, Random& random, std::string_view host);

// RFC 2045 section 6.7 and 6.8, with lines of 76 columns and CRLF.
std::string encode_quoted_printable(std::string_view bytes);  // line ends in it are line ends of text
std::string encode_base64_lines(std::string_view bytes);

}  // namespace posthouse::message
