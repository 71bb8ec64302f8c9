#include "mua/compose.h"

#include "base/text.h"
#include "message/header.h"
#include "mua/content.h"
#include "mua/summary.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

constexpr std::uintmax_t most_attached = 512ULL * 1024 * 1024;

bool same_mailbox(const message::AddrSpec& a, const message::AddrSpec& b)
{
    return equals_ignoring_case(a.text(), b.text());
}

void add_once(std::vector<message::AddrSpec>& all, const std::vector<message::Address>& addresses)
{
    for (const message::Address& address : addresses) {
        const bool is_new = address.is_mailbox() && !address.spec.domain.empty() &&
            std::ranges::none_of(all, [&](const message::AddrSpec& one) { return same_mailbox(one, address.spec); });
        if (is_new)
            all.push_back(address.spec);
    }
}

// An address of a message that was received, fit for the builder: its name decoded.
std::vector<message::Address> usable(const std::vector<message::Address>& addresses)
{
    std::vector<message::Address> all;
    for (message::Address address : addresses) {
        if (!address.is_mailbox() || address.spec.local_part.empty() || address.spec.domain.empty())
            continue;
        address.display_name = message::decode_text(address.display_name);
        address.route.clear();
        all.push_back(std::move(address));
    }
    return all;
}

std::string prefixed(std::string_view subject, std::string_view prefix, std::span<const std::string_view> known)
{
    const std::string decoded = message::decode_text(subject);
    for (const std::string_view one : known)
        if (starts_with_ignoring_case(decoded, one))
            return decoded;
    return fmt::format("{}{}", prefix, decoded);
}

// Text that comes back byte for byte from text/plain: UTF-8 with LF alone, and not so much beyond ASCII that
// it would travel as base64, whose line ends readers leave as they are.
bool survives_as_text(std::string_view bytes)
{
    const bool is_plain = is_valid_utf8(bytes) &&
        std::ranges::none_of(bytes, [](char c) { return is_control(c) && c != '\n' && c != '\t'; });
    if (!is_plain)
        return false;
    std::string as_sent;
    for (const char c : bytes)
        as_sent += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return message::encode_quoted_printable(as_sent).size() <= message::encode_base64_lines(as_sent).size();
}

std::string_view domain_of(std::string_view address)
{
    const std::size_t at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view("localhost") : address.substr(at + 1);
}

}  // namespace

Result<std::vector<message::Address>> typed_addresses(const std::vector<std::string>& texts)
{
    std::vector<message::Address> all;
    for (const std::string& text : texts) {
        if (trim(text).empty())
            continue;
        Result<std::vector<message::Address>> some = message::parse_addresses(text, message::AddressRule::addresses);
        if (!some)
            return fail(
                ErrorCode::malformed,
                fmt::format("\"{}\" is no address: {}", printable(text, 200), printable(some.error().text, 300)));
        std::ranges::move(*some, std::back_inserter(all));
    }
    return all;
}

Result<message::BodyPart> attached_file(const std::string& path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return fail(ErrorCode::malformed, fmt::format("{} is a folder", printable(path, 500)));
    if (const auto size = std::filesystem::file_size(path, error); !error && size > most_attached)
        return fail(ErrorCode::too_large, fmt::format("{} is too large for a message", printable(path, 500)));
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    if (!file.is_open() || file.bad())
        return fail(ErrorCode::not_found, fmt::format("cannot read {}", printable(path, 500)));
    message::BodyPart part;
    part.content = std::move(bytes).str();
    part.file_name = std::filesystem::path(path).filename().string();
    part.disposition = "attachment";
    part.type = type_of_file(part.file_name);
    // text/… is converted on its way; message/… is not encoded at all: both only where that does no harm.
    const bool is_text = part.type.starts_with("text/");
    if ((is_text && !survives_as_text(part.content)) || part.type.starts_with("message/"))
        part.type = "application/octet-stream";
    if (part.type == "application/octet-stream" && !part.content.empty() && survives_as_text(part.content) &&
        !part.file_name.ends_with(".eml"))
        part.type = "text/plain";
    return part;
}

Result<message::Draft> draft_of(const Identity& identity, const WriteOptions& options, std::string text)
{
    message::Draft draft;
    const Result<message::AddrSpec> from = message::parse_addr_spec(identity.address);
    if (!from)
        return fail(ErrorCode::malformed, fmt::format("the sender's address: {}", from.error().text));
    draft.from.push_back({.display_name = identity.name, .spec = *from});
    for (const auto& [texts, list] :
         {std::pair(&options.to, &draft.to), std::pair(&options.cc, &draft.cc), std::pair(&options.bcc, &draft.bcc)}) {
        Result<std::vector<message::Address>> addresses = typed_addresses(*texts);
        if (!addresses)
            return fail(addresses.error());
        *list = std::move(*addresses);
    }
    draft.subject = options.subject;
    if (!is_valid_utf8(text))
        return fail(ErrorCode::malformed, "the text is not UTF-8; attach it with -a");
    if (text.find('\0') != std::string::npos)
        return fail(ErrorCode::malformed, "the text holds NUL bytes; attach it with -a");
    draft.parts.push_back({.content = std::move(text)});
    for (const std::string& file : options.files) {
        Result<message::BodyPart> part = attached_file(file);
        if (!part)
            return fail(part.error());
        draft.parts.push_back(std::move(*part));
    }
    return draft;
}

std::string reply_subject(std::string_view subject)
{
    static constexpr std::string_view known[]{"re:", "aw:", "sv:"};
    return prefixed(subject, "Re: ", known);
}

std::string forward_subject(std::string_view subject)
{
    static constexpr std::string_view known[]{"fwd:", "fw:", "wg:"};
    return prefixed(subject, "Fwd: ", known);
}

void make_reply(message::Draft& draft, const message::Digest& original, bool to_all, const std::string& mine)
{
    const message::Envelope& envelope = original.envelope;
    const auto is_mine = [&](const message::Address& one) { return equals_ignoring_case(one.spec.text(), mine); };
    std::vector<message::Address> to = usable(envelope.reply_to.empty() ? envelope.from : envelope.reply_to);
    // An answer to what I wrote myself goes on to whom I wrote it.
    if (!to.empty() && std::ranges::all_of(to, is_mine))
        to = usable(envelope.to);
    std::ranges::move(to, std::back_inserter(draft.to));
    if (to_all) {
        std::vector<message::AddrSpec> have;
        add_once(have, draft.to);
        for (const auto* list : {&envelope.to, &envelope.cc})
            for (message::Address& one : usable(*list)) {
                const bool is_new = !is_mine(one) && std::ranges::none_of(have, [&](const message::AddrSpec& spec) {
                    return same_mailbox(spec, one.spec);
                });
                if (!is_new)
                    continue;
                have.push_back(one.spec);
                draft.cc.push_back(std::move(one));
            }
    }
    if (draft.subject.empty())
        draft.subject = reply_subject(envelope.subject.value_or(""));
    // RFC 5322 section 3.6.4.
    const std::vector<std::string> id = message::parse_message_ids(envelope.message_id.value_or(""));
    draft.references = original.references;
    if (draft.references.empty())
        draft.references = message::parse_message_ids(envelope.in_reply_to.value_or(""));
    if (draft.references.size() > 1 && original.references.empty())
        draft.references.clear();
    if (!id.empty()) {
        draft.in_reply_to = {id.front()};
        draft.references.push_back(id.front());
    }
}

std::string quoted_text(const message::Digest& original, std::string_view text)
{
    const std::string when = original.sent ? local_date(original.sent->time) : std::string("a day without a date");
    std::string out = fmt::format("On {}, {} wrote:\n", when, printable(people(original.envelope.from), 200));
    std::vector<std::string_view> lines = split(text, '\n');
    while (!lines.empty() && trim(lines.back()).empty())
        lines.pop_back();
    for (const std::string_view line : lines)
        out += fmt::format("{}{}\n", line.starts_with('>') || line.empty() ? ">" : "> ", line);
    return out;
}

std::string forwarded_text(const message::Digest& original, std::string_view text)
{
    const message::Envelope& envelope = original.envelope;
    std::string out = "---------- Forwarded message ----------\n";
    const auto line = [&](std::string_view name, const std::string& value) {
        if (!value.empty())
            out += fmt::format("{}: {}\n", name, printable(value, 2000));
    };
    line("From", people_in_full(envelope.from));
    line("Date", original.sent ? local_date(original.sent->time) : envelope.date.value_or(""));
    line("Subject", subject_of(envelope));
    line("To", people_in_full(envelope.to));
    line("Cc", people_in_full(envelope.cc));
    return out + "\n" + std::string(text);
}

std::string without_bcc(std::string_view whole)
{
    std::string out;
    message::HeaderReader reader(whole);
    std::size_t kept = 0;
    while (const std::optional<message::Field> field = reader.next()) {
        if (!field->is("Bcc"))
            continue;
        out += whole.substr(kept, field->begin - kept);
        kept = field->end;
    }
    return out + std::string(whole.substr(kept));
}

Result<Letter> finish(message::Draft draft, const Clock& clock, Random& random)
{
    Letter letter;
    for (const auto* list : {&draft.to, &draft.cc, &draft.bcc})
        add_once(letter.recipients, *list);
    if (letter.recipients.empty())
        return fail(ErrorCode::malformed, "nobody to send it to");
    const std::string host(domain_of(draft.from.front().spec.text()));
    letter.message_id = message::make_message_id(clock, random, host);
    draft.message_id = letter.message_id;
    draft.bcc_field = draft.bcc.empty() ? message::BccField::leave_out : message::BccField::write;
    Result<std::string> whole = message::build_message(draft, clock, random, host);
    if (!whole)
        return fail(whole.error());
    letter.for_recipients = without_bcc(*whole);
    letter.for_sent = std::move(*whole);
    return letter;
}

Result<smtp::Path> path_of(const message::AddrSpec& address)
{
    smtp::Path path{address.local_part, address.domain};
    if (is_ascii(address.domain))
        return path;
    // The builder knows A-labels (RFC 5890).
    message::Address one{.spec = {"x", address.domain}};
    const Result<std::string> field = message::address_field("To", {one});
    if (!field)
        return fail(field.error());
    const std::size_t at = field->rfind('@');
    path.domain = trim(std::string_view(*field).substr(at + 1, field->size() - at - 3));
    return path;
}

}  // namespace posthouse::mua
