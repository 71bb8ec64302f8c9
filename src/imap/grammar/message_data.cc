#include "imap/grammar/message_data.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

using message::Address;
using message::AddressView;
using message::Digest;
using message::Envelope;
using message::EnvelopeView;
using message::Part;

constexpr std::string_view missing_mailbox = "MISSING_MAILBOX";
constexpr std::string_view missing_domain = "MISSING_DOMAIN";

void nstring_or_nil(Serializer& out, std::string_view text)
{
    if (text.empty())
        out.nil();
    else
        out.string(text);
}

// address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")". A group's start has its name
// as mailbox and no host, its end neither.
void write_address(Serializer& out, const AddressView& address)
{
    out.raw("(");
    if (address.kind == Address::Kind::group_start) {
        out.raw("NIL NIL ").string(address.display_name).raw(" NIL)");
        return;
    }
    if (address.kind == Address::Kind::group_end) {
        out.raw("NIL NIL NIL NIL)");
        return;
    }
    nstring_or_nil(out, trim(address.display_name));  // as JMAP's (RFC 8621 section 4.1.2.3): `"Bob "` is Bob
    out.raw(" ");
    nstring_or_nil(out, address.route);
    out.raw(" ");
    // A NIL mailbox or host would speak of a group, and an empty one makes clients show "@": what is missing is told in
    // the words that Dovecot has used for it these twenty years.
    out.string(address.local_part.empty() ? missing_mailbox : address.local_part).raw(" ");
    out.string(address.domain.empty() ? missing_domain : address.domain).raw(")");
}

void write_addresses(Serializer& out, const std::vector<AddressView>& addresses)
{
    if (addresses.empty()) {
        out.nil();
        return;
    }
    out.raw("(");
    for (const AddressView& address : addresses)
        write_address(out, address);
    out.raw(")");
}

// body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
void write_parameters(Serializer& out, const std::vector<message::Parameter>& parameters)
{
    if (parameters.empty()) {
        out.nil();
        return;
    }
    out.raw("(");
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (i > 0)
            out.raw(" ");
        out.string(parameters[i].name).raw(" ").string(parameters[i].value);
    }
    out.raw(")");
}

// RFC 9051 section 7.5.2: structures are told with "various fields defaulted as necessary", and a text without a
// charset is us-ascii (RFC 2046 section 4.1.2). Stored parts keep what the message says.
void write_part_parameters(Serializer& out, const Part& part)
{
    const bool says_charset = std::ranges::any_of(part.parameters, [](const message::Parameter& p) {
        return equals_ignoring_case(std::string_view(p.name).substr(0, p.name.find('*')), "charset");  // RFC 2231
    });
    if (!part.is_text() || says_charset) {
        write_parameters(out, part.parameters);
        return;
    }
    std::vector<message::Parameter> all = part.parameters;
    all.push_back({.name = "charset", .value = "us-ascii"});
    write_parameters(out, all);
}

// body-fld-dsp = "(" string SP body-fld-param ")" / nil
void write_disposition(Serializer& out, const Part& part)
{
    if (part.disposition.empty()) {
        out.nil();
        return;
    }
    out.raw("(").string(part.disposition).raw(" ");
    write_parameters(out, part.disposition_parameters);
    out.raw(")");
}

// body-fld-lang = nstring / "(" string *(SP string) ")"
void write_language(Serializer& out, const std::vector<std::string>& language)
{
    if (language.empty()) {
        out.nil();
        return;
    }
    out.raw("(");
    for (std::size_t i = 0; i < language.size(); ++i) {
        if (i > 0)
            out.raw(" ");
        out.string(language[i]);
    }
    out.raw(")");
}

// What body-ext-1part and body-ext-mpart have in common: disposition, language, location.
void write_common_extensions(Serializer& out, const Part& part)
{
    out.raw(" ");
    write_disposition(out, part);
    out.raw(" ");
    write_language(out, part.language);
    out.raw(" ");
    nstring_or_nil(out, part.location);
}

// media-basic / media-text / media-message, then body-fields.
void write_fields(Serializer& out, const Part& part)
{
    out.string(part.type).raw(" ").string(part.subtype).raw(" ");
    write_part_parameters(out, part);
    out.raw(" ");
    nstring_or_nil(out, part.id);
    out.raw(" ");
    nstring_or_nil(out, part.description);
    out.raw(" ").string(part.encoding).raw(" ").number(part.body_size());
}

// What opens a part: all that stands before its children.
void begin_part(Serializer& out, const Digest& digest, const Part& part)
{
    out.raw("(");
    if (part.is_multipart())
        return;
    write_fields(out, part);
    if (part.is_message()) {
        out.raw(" ");
        write_envelope(out, digest.embedded[static_cast<std::size_t>(part.envelope)]);
        out.raw(" ");
    }
}

// What closes it: all that stands behind its children.
void end_part(Serializer& out, const Part& part, StructureForm form)
{
    if (part.is_multipart()) {
        out.raw(" ").string(part.subtype);
        if (form == StructureForm::body_structure) {
            out.raw(" ");
            write_parameters(out, part.parameters);
            write_common_extensions(out, part);
        }
    } else {
        if (part.is_message() || part.is_text())
            out.raw(" ").number(part.lines);
        if (form == StructureForm::body_structure) {
            out.raw(" ");
            nstring_or_nil(out, part.md5);
            write_common_extensions(out, part);
        }
    }
    out.raw(")");
}

}  // namespace

// envelope = "(" date subject from sender reply-to to cc bcc in-reply-to message-id ")"
void write_envelope(Serializer& out, const Envelope& envelope) { write_envelope(out, message::view_of(envelope)); }

void write_envelope(Serializer& out, const EnvelopeView& envelope)
{
    out.raw("(").nstring(envelope.date).raw(" ").nstring(envelope.subject).raw(" ");
    write_addresses(out, envelope.from);
    out.raw(" ");
    // "the server sets the corresponding member of the envelope to be the same value as the from member"
    write_addresses(out, envelope.sender.empty() ? envelope.from : envelope.sender);
    out.raw(" ");
    write_addresses(out, envelope.reply_to.empty() ? envelope.from : envelope.reply_to);
    for (const auto* addresses : {&envelope.to, &envelope.cc, &envelope.bcc}) {
        out.raw(" ");
        write_addresses(out, *addresses);
    }
    out.raw(" ").nstring(envelope.in_reply_to).raw(" ").nstring(envelope.message_id).raw(")");
}

void write_structure(Serializer& out, const Digest& digest, StructureForm form)
{
    // Pre-order: a part ends where the next one begins that is not inside it.
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < digest.parts.size(); ++i) {
        for (; !open.empty() && digest.parts[open.back()].after <= i; open.pop_back())
            end_part(out, digest.parts[open.back()], form);
        begin_part(out, digest, digest.parts[i]);
        open.push_back(i);
    }
    for (; !open.empty(); open.pop_back())
        end_part(out, digest.parts[open.back()], form);
}

}  // namespace posthouse::imap
