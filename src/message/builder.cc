#include "message/builder.h"

#include "base/text.h"
#include "message/lexis.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace posthouse::message {

namespace {

// Fields that come from a Draft's own members, or from its parts.
constexpr std::array own_fields{"date", "from",    "sender",     "reply-to",    "to",         "cc",
                                "bcc",  "subject", "message-id", "in-reply-to", "references", "mime-version"};

// Line ends become CRLF: bare CR and bare LF count as one.
std::string with_crlf(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 32);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r' && text[i] != '\n') {
            out += text[i];
            continue;
        }
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
            ++i;
        out += "\r\n";
    }
    return out;
}

std::size_t longest_line(std::string_view text)
{
    std::size_t longest = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        longest = std::max(longest, end - at);
        at = end + 1;
    }
    return longest;
}

struct Encoded {
    std::string_view encoding;
    std::string body;
};

Encoded encode_text(std::string text)
{
    constexpr std::size_t longest_as_is = 79;  // RFC 5322 section 2.1.1: 78, and the CR
    const bool plain =
        std::ranges::all_of(text, [](char c) { return !is_control(c) || c == '\t' || c == '\r' || c == '\n'; });
    if (plain && is_ascii(text) && longest_line(text) <= longest_as_is)
        return {"7bit", std::move(text)};
    std::string quoted = encode_quoted_printable(text);
    std::string base64 = encode_base64_lines(text);
    if (quoted.size() <= base64.size())
        return {"quoted-printable", std::move(quoted)};
    return {"base64", std::move(base64)};
}

// A message within the message must not be encoded (RFC 2046 section 5.2.1).
bool is_never_encoded(std::string_view type)
{
    return starts_with_ignoring_case(type, "message/") || starts_with_ignoring_case(type, "multipart/");
}

// RFC 6522 section 4: what is ASCII of lines that fit stands there as it is.
bool is_plain_header(const BodyPart& part)
{
    constexpr std::size_t longest_line_with_cr = 999;
    return equals_ignoring_case(part.type, "text/rfc822-headers") && is_ascii(part.content) &&
        part.content.find('\0') == std::string::npos && longest_line(part.content) <= longest_line_with_cr;
}

Result<Encoded> encode_content(const BodyPart& part)
{
    if (is_plain_header(part))
        return Encoded{"7bit", with_crlf(part.content)};
    if (starts_with_ignoring_case(part.type, "text/")) {
        if (!is_valid_utf8(part.content))
            return fail(ErrorCode::malformed, "a text part is not UTF-8");
        return encode_text(with_crlf(part.content));
    }
    if (!is_never_encoded(part.type))
        return Encoded{"base64", encode_base64_lines(part.content)};
    if (part.content.find('\0') != std::string::npos)
        return fail(ErrorCode::malformed, fmt::format("a {} part must not hold NUL", part.type));
    return Encoded{lexis::has_8bit(part.content) ? "8bit" : "7bit", with_crlf(part.content)};
}

// Gathers fields; the first fault stays.
class Fields {
public:
    void add(Result<std::string> field)
    {
        if (!error_ && !field)
            error_ = field.error();
        if (field)
            text_ += *field;
    }
    Result<std::string> take()
    {
        if (error_)
            return fail(*error_);
        return std::move(text_);
    }

private:
    std::string text_;
    std::optional<Error> error_;
};

// One part: its Content- fields, the empty line, its body.
Result<std::string> write_part(const BodyPart& part)
{
    auto content = encode_content(part);
    if (!content)
        return fail(content.error());
    std::vector<Parameter> parameters;
    if (starts_with_ignoring_case(part.type, "text/") && !is_plain_header(part))
        parameters.push_back({"charset", lexis::has_8bit(part.content) ? "utf-8" : "us-ascii"});
    std::ranges::copy(part.parameters, std::back_inserter(parameters));
    Fields fields;
    fields.add(parameterized_field("Content-Type", part.type, parameters));
    fields.add(raw_field("Content-Transfer-Encoding", content->encoding));
    if (!part.disposition.empty() || !part.file_name.empty()) {
        std::vector<Parameter> names;
        if (!part.file_name.empty())
            names.push_back({"filename", part.file_name});
        fields.add(parameterized_field("Content-Disposition",
                                       part.disposition.empty() ? "attachment" : part.disposition, names));
    }
    if (!part.content_id.empty())
        fields.add(message_id_field("Content-ID", {part.content_id}));
    if (!part.description.empty())
        fields.add(unstructured_field("Content-Description", part.description));
    auto header = fields.take();
    if (!header)
        return fail(header.error());
    return *header + "\r\n" + content->body;
}

// "=_" stands in no quoted-printable or base64 line; 120 random bits keep it out of the others.
std::string make_boundary(Random& random) { return "=_" + hex_encode(random.bytes(15)); }

Result<std::string> write_multipart(const Draft& draft, Random& random)
{
    const std::string boundary = make_boundary(random);
    std::vector<Parameter> parameters = draft.multipart_parameters;
    parameters.push_back({"boundary", boundary});
    auto header = parameterized_field("Content-Type", "multipart/" + draft.multipart, parameters);
    if (!header)
        return header;
    std::string text = *header + "\r\n";
    for (const BodyPart& part : draft.parts) {
        auto written = write_part(part);
        if (!written)
            return written;
        text += "--" + boundary + "\r\n" + *written;
        text += "\r\n";  // this line end is the delimiter's
    }
    return text + "--" + boundary + "--\r\n";
}

bool may_be_extra(std::string_view name)
{
    return !starts_with_ignoring_case(name, "content-") &&
        std::ranges::none_of(own_fields, [&](std::string_view own) { return equals_ignoring_case(own, name); });
}

// RFC 5322 section 3.6, in the order of its table.
Result<std::string> write_header(const Draft& draft, const Clock& clock, Random& random, std::string_view host)
{
    if (draft.from.empty())
        return fail(ErrorCode::malformed, "From needs an address");
    if (draft.from.size() > 1 && draft.sender.size() != 1)
        return fail(ErrorCode::malformed, "Sender must say who of several in From sends (RFC 5322 section 3.6.2)");
    Fields fields;
    fields.add(raw_field("Date", rfc5322_date(clock.now())));
    const auto addresses = [&](std::string_view name, const std::vector<Address>& list) {
        if (!list.empty())
            fields.add(address_field(name, list));
    };
    addresses("From", draft.from);
    addresses("Sender", draft.sender);
    addresses("Reply-To", draft.reply_to);
    addresses("To", draft.to);
    addresses("Cc", draft.cc);
    if (draft.bcc_field == BccField::write)
        addresses("Bcc", draft.bcc);
    fields.add(message_id_field("Message-ID",
                                {draft.message_id.empty() ? make_message_id(clock, random, host) : draft.message_id}));
    if (!draft.in_reply_to.empty())
        fields.add(message_id_field("In-Reply-To", draft.in_reply_to));
    if (!draft.references.empty())
        fields.add(message_id_field("References", draft.references));
    if (!draft.subject.empty())
        fields.add(unstructured_field("Subject", draft.subject));
    for (const Draft::Extra& extra : draft.extra) {
        if (!may_be_extra(extra.name))
            return fail(ErrorCode::malformed, fmt::format("{} is not an extra field", lexis::shown(extra.name)));
        fields.add(unstructured_field(extra.name, extra.value));
    }
    fields.add(raw_field("MIME-Version", "1.0"));
    return fields.take();
}

}  // namespace

std::string make_message_id(const Clock& clock, Random& random, std::string_view host)
{
    return fmt::format("{:x}.{:016x}@{}", clock.now().time_since_epoch().count(), random.number(),
                       host.empty() ? "localhost" : host);
}

Result<std::string> build_message(const Draft& draft, const Clock& clock, Random& random, std::string_view host)
{
    auto header = write_header(draft, clock, random, host);
    if (!header)
        return header;
    auto body = draft.parts.size() == 1 ? write_part(draft.parts[0])
        : draft.parts.empty()           ? write_part(BodyPart{})
                                        : write_multipart(draft, random);
    if (!body)
        return body;
    return *header + *body;
}

}  // namespace posthouse::message
