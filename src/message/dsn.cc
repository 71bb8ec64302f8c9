#include "message/dsn.h"

#include "base/cursor.h"
#include "message/builder.h"
#include "message/header.h"
#include "message/lexis.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::message {

namespace {

constexpr std::size_t longest_value = 800;  // with its name below RFC 5322's 998 even if it cannot be folded
constexpr std::size_t most_extensions = 20;

constexpr std::array action_names{"failed", "delayed", "delivered", "relayed", "expanded"};

// The character at the start of valid UTF-8, and its length.
struct Character {
    std::uint32_t code_point;
    std::size_t length;
};
Character first_character(std::string_view text)
{
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    if (byte(0) < 0x80)
        return {byte(0), 1};
    const std::size_t length = byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    std::uint32_t code_point = byte(0) & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i)
        code_point = code_point << 6 | (byte(i) & 0x3f);
    return {code_point, length};
}

std::string utf8_of(std::uint32_t code_point)
{
    const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
    if (code_point < 0x80)
        return {byte(code_point)};
    if (code_point < 0x800)
        return {byte(0xc0 | code_point >> 6), byte(0x80 | (code_point & 0x3f))};
    if (code_point < 0x10000)
        return {byte(0xe0 | code_point >> 12), byte(0x80 | (code_point >> 6 & 0x3f)), byte(0x80 | (code_point & 0x3f))};
    return {byte(0xf0 | code_point >> 18), byte(0x80 | (code_point >> 12 & 0x3f)),
            byte(0x80 | (code_point >> 6 & 0x3f)), byte(0x80 | (code_point & 0x3f))};
}

// RFC 6533 section 3: EmbeddedUnicodeChar, for every character that `embeds`.
template <class Embeds> std::string with_embedded(std::string_view text, Embeds embeds)
{
    std::string out;
    while (!text.empty()) {
        const Character character = first_character(text);
        if (embeds(character.code_point))
            out += fmt::format("\\x{{{:X}}}", character.code_point);
        else
            out += text.substr(0, character.length);
        text.remove_prefix(character.length);
    }
    return out;
}

// EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}". What would become a control or no character stays as it is.
std::optional<std::string> embedded_unicode_char(Cursor& in)
{
    if (in.peek() != '\\' || !in.take("\\x{"))
        return std::nullopt;
    const std::string_view digits = in.take_while([](char c) { return lexis::hex_value(c) >= 0; });
    if (digits.empty() || digits.size() > 6 || !in.take('}'))
        return std::nullopt;
    std::uint32_t code_point = 0;
    for (const char c : digits)
        code_point = code_point << 4 | static_cast<std::uint32_t>(lexis::hex_value(c));
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000))
        return std::nullopt;
    std::string character = utf8_of(code_point);
    if (printable(character) != character)
        return std::nullopt;
    return character;
}

std::string without_embedded(std::string_view text)
{
    std::string out;
    for (Cursor in(text); !in.at_end();) {
        Cursor tried = in;
        if (const auto character = embedded_unicode_char(tried)) {
            out += *character;
            in = tried;
        } else {
            out += in.take_bytes(1);
        }
    }
    return out;
}

// RFC 6533 section 3: in utf-8-addr-xtext all but QCHAR is embedded; in the other form only what would be misread.
std::string embedded_address(std::string_view address, StatusForm form)
{
    if (form == StatusForm::utf8)
        return with_embedded(address, [](std::uint32_t c) { return c == '\\'; });
    return with_embedded(address,
                         [](std::uint32_t c) { return c <= ' ' || c >= 0x7f || c == '+' || c == '=' || c == '\\'; });
}

void cut(std::string& value)
{
    if (value.size() <= longest_value)
        return;
    std::size_t size = longest_value - 3;
    while (size > 0 && (static_cast<unsigned char>(value[size]) & 0xc0) == 0x80)
        --size;  // not within a character
    value.resize(size);
    value += "...";
}

class StatusWriter {
public:
    explicit StatusWriter(StatusForm form) : form_(form) { }

    void text(std::string_view name, std::string_view value)
    {
        std::string shown = printable(trim(value), value.size() * 10);
        if (form_ == StatusForm::ascii)
            shown = with_embedded(shown, [](std::uint32_t c) { return c >= 0x80; });
        field(name, std::move(shown));
    }
    void typed(std::string_view name, const TypedText& value, std::string_view default_type)
    {
        if (trim(value.text).empty())
            return;
        text(name, fmt::format("{}; {}", type_of(value, default_type), value.text));
    }
    void address(std::string_view name, const TypedText& value)
    {
        TypedText shown{value.type, printable(trim(value.text), value.text.size() * 10)};
        if (!is_ascii(shown.text))
            shown.type = "utf-8";
        if (equals_ignoring_case(shown.type, "utf-8"))
            shown.text = embedded_address(shown.text, form_);
        typed(name, shown, "rfc822");
    }
    void date(std::string_view name, const std::optional<WallTime>& time)
    {
        if (time)
            field(name, rfc5322_date(*time));
    }
    void end_group() { out_ += "\r\n"; }
    std::string take() { return std::move(out_); }

private:
    static std::string_view type_of(const TypedText& value, std::string_view default_type)
    {
        const bool fits = lexis::is_token(value.type) && is_ascii(value.type) && value.type.size() <= 40;
        return fits ? std::string_view(value.type) : default_type;
    }
    void field(std::string_view name, std::string value)
    {
        cut(value);
        if (trim(value).empty())
            return;
        if (const auto written = raw_field(name, value))
            out_ += *written;
    }

    StatusForm form_;
    std::string out_;
};

void write_recipient(StatusWriter& writer, const RecipientStatus& recipient)
{
    writer.address("Original-Recipient", recipient.original_recipient);
    writer.address("Final-Recipient", recipient.final_recipient);
    writer.text("Action", to_string(recipient.action));
    writer.text("Status", recipient.status);
    writer.typed("Remote-MTA", recipient.remote_mta, "dns");
    writer.typed("Diagnostic-Code", recipient.diagnostic_code, "smtp");
    writer.date("Last-Attempt-Date", recipient.last_attempt);
    writer.text("Final-Log-ID", recipient.final_log_id);
    writer.date("Will-Retry-Until", recipient.will_retry_until);
}

// A value without the comments that RFC 3464 section 2.1.1 allows, trimmed.
std::string first_word(std::string_view value)
{
    const std::string text = unfold(value);
    const std::size_t begin = lexis::skip_cfws(text, 0);
    const std::size_t end = std::min(text.find_first_of(" \t(", begin), text.size());
    return text.substr(begin, end - begin);
}

// The first field of a name is the one that counts.
void take_text(std::string& into, const Field& field)
{
    if (into.empty())
        into = field.text();
}

void take_typed(TypedText& into, const Field& field)
{
    if (into.empty())
        into = parse_typed_text(field.text());
}

void take_address(TypedText& into, const Field& field)
{
    if (into.empty())
        into = parse_typed_address(field.text());
}

void take_date(std::optional<WallTime>& into, const Field& field)
{
    if (const auto date = parse_date(field.value); date && !into)
        into = date->time;
}

// RFC 3464 section 2.2.
void take_message_field(DeliveryStatus& status, const Field& field)
{
    if (field.is("Original-Envelope-Id"))
        return take_text(status.original_envelope_id, field);
    if (field.is("Reporting-MTA"))
        return take_typed(status.reporting_mta, field);
    if (field.is("Received-From-MTA"))
        return take_typed(status.received_from_mta, field);
    if (field.is("Arrival-Date"))
        return take_date(status.arrival, field);
    if (starts_with_ignoring_case(field.name, "X-") && status.extensions.size() < most_extensions)
        status.extensions.push_back({std::string(field.name), field.text()});
}

struct RecipientGroup {
    RecipientStatus status;
    bool has_action = false;
};

// RFC 3464 section 2.3.
void take_recipient_field(RecipientGroup& group, const Field& field)
{
    RecipientStatus& status = group.status;
    if (field.is("Original-Recipient"))
        return take_address(status.original_recipient, field);
    if (field.is("Final-Recipient"))
        return take_address(status.final_recipient, field);
    if (field.is("Remote-MTA"))
        return take_typed(status.remote_mta, field);
    if (field.is("Diagnostic-Code"))
        return take_typed(status.diagnostic_code, field);
    if (field.is("Last-Attempt-Date"))
        return take_date(status.last_attempt, field);
    if (field.is("Will-Retry-Until"))
        return take_date(status.will_retry_until, field);
    if (field.is("Final-Log-ID"))
        return take_text(status.final_log_id, field);
    if (field.is("Status") && status.status.empty())
        if (std::string code = first_word(field.value); parse_status_code(code))
            status.status = std::move(code);
    if (field.is("Action") && !group.has_action) {
        const std::string word = to_lower(first_word(field.value));
        const auto found = std::ranges::find(action_names, word);
        group.has_action = found != action_names.end();
        if (group.has_action)
            status.action = static_cast<DeliveryAction>(found - action_names.begin());
    }
}

}  // namespace

std::string_view to_string(DeliveryAction action) { return action_names[static_cast<std::size_t>(action)]; }

std::string_view content_type(StatusForm form)
{
    return form == StatusForm::ascii ? "message/delivery-status" : "message/global-delivery-status";
}

std::optional<StatusCode> parse_status_code(std::string_view text)
{
    const auto numbers = split(text, '.');
    if (numbers.size() != 3 || (numbers[0] != "2" && numbers[0] != "4" && numbers[0] != "5"))
        return std::nullopt;
    StatusCode code{static_cast<std::uint16_t>(numbers[0][0] - '0')};
    for (std::size_t i = 1; i < 3; ++i) {
        const auto number = parse_number<std::uint16_t>(numbers[i]);
        if (!number || numbers[i].size() > 3)
            return std::nullopt;
        (i == 1 ? code.subject : code.detail) = *number;
    }
    return code;
}

TypedText parse_typed_text(std::string_view value)
{
    const std::size_t semicolon = value.find(';');
    if (semicolon == std::string_view::npos)
        return {"", std::string(trim(value))};
    return {to_lower(trim(value.substr(0, semicolon))), std::string(trim(value.substr(semicolon + 1)))};
}

TypedText parse_typed_address(std::string_view value)
{
    TypedText typed = parse_typed_text(value);
    if (typed.type == "utf-8")
        typed.text = without_embedded(typed.text);
    return typed;
}

TypedText typed_address(std::string_view address)
{
    return {is_ascii(address) ? "rfc822" : "utf-8", std::string(address)};
}

std::string write_delivery_status(const DeliveryStatus& status, StatusForm form)
{
    StatusWriter writer(form);
    writer.text("Original-Envelope-Id", status.original_envelope_id);
    writer.typed("Reporting-MTA", status.reporting_mta, "dns");
    writer.typed("Received-From-MTA", status.received_from_mta, "dns");
    writer.date("Arrival-Date", status.arrival);
    for (const DeliveryStatus::Extension& extension : status.extensions)
        writer.text(extension.name, extension.value);
    for (const RecipientStatus& recipient : status.recipients) {
        writer.end_group();
        write_recipient(writer, recipient);
    }
    return writer.take();
}

Result<DeliveryStatus> parse_delivery_status(std::string_view body)
{
    DeliveryStatus status;
    bool in_first_group = true;  // it tells of the message; where somebody forgot that, of a recipient
    while (!body.empty() && status.recipients.size() < most_status_recipients) {
        HeaderReader reader(body);
        RecipientGroup group;
        bool any = false;
        for (; const auto field = reader.next(); any = true) {
            if (in_first_group)
                take_message_field(status, *field);
            take_recipient_field(group, *field);
        }
        body.remove_prefix(reader.body_begin());
        in_first_group = in_first_group && !any;
        if (group.has_action)
            status.recipients.push_back(std::move(group.status));
    }
    if (status.recipients.empty())
        return fail(ErrorCode::malformed, "the report tells of no recipient (RFC 3464 section 2.3)");
    return status;
}

}  // namespace posthouse::message
