#include "mua/summary.h"

#include "base/terminal.h"
#include "base/text.h"
#include "message/body.h"
#include "message/header.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

namespace posthouse::mua {

namespace json = boost::json;

namespace {

constexpr std::size_t longest_line_shown = 100'000;
constexpr std::size_t tab_stop = 8;

// RFC 8621 section 4.1.1: the system flags have names of their own; the rest are keywords as they are.
std::string keyword_of(std::string_view flag)
{
    if (flag.starts_with('\\'))
        return "$" + to_lower(flag.substr(1));
    return to_lower(flag);
}

// Characters that a terminal may obey and JSON lets through.
bool must_escape(char32_t c)
{
    return (c >= 0x7f && c <= 0x9f) || c == 0x061c || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
        (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

bool Summary::has_flag(std::string_view flag) const
{
    return std::ranges::any_of(flags, [&](const std::string& one) { return equals_ignoring_case(one, flag); });
}

std::optional<WallTime> Summary::when() const
{
    if (received)
        return received;
    const auto sent = envelope.date ? message::parse_date(*envelope.date) : std::nullopt;
    return sent ? std::optional(sent->time) : std::nullopt;
}

Summary summary_of(imap::FetchResponse message, std::string mailbox, std::uint32_t uid_validity)
{
    Summary summary;
    summary.place = {std::move(mailbox), uid_validity, message.uid, {}};
    summary.email_id = std::move(message.email_id);
    summary.thread_id = std::move(message.thread_id);
    summary.flags = std::move(message.flags).value_or(std::vector<std::string>());
    summary.received = message.internal_date;
    summary.size = message.size.value_or(0);
    summary.envelope = std::move(message.envelope).value_or(message::Envelope());
    summary.has_attachment = message.has_attachment.value_or(false);
    summary.preview = std::move(message.preview);
    return summary;
}

std::string people(const std::vector<message::Address>& addresses)
{
    std::string all;
    for (const message::Address& address : addresses) {
        if (address.kind == message::Address::Kind::group_end)
            continue;
        const std::string name = message::decode_text(address.display_name);
        const std::string shown = name.empty() ? message::decode_text(address.spec.text()) : name;
        if (!shown.empty())
            all += (all.empty() ? "" : ", ") + shown;
    }
    return all;
}

std::string people_in_full(const std::vector<message::Address>& addresses)
{
    std::string all;
    for (const message::Address& address : addresses) {
        if (!address.is_mailbox())
            continue;
        const std::string name = message::decode_text(address.display_name);
        const std::string spec = message::decode_text(address.spec.text());
        all += all.empty() ? "" : ", ";
        all += name.empty() ? spec : fmt::format("{} <{}>", name, spec);
    }
    return all;
}

std::string subject_of(const message::Envelope& envelope)
{
    return message::decode_text(envelope.subject.value_or(""));
}

std::string marks_of(const Summary& summary)
{
    std::string marks;
    if (!summary.has_flag("\\Seen") && summary.place.unique_id.empty())
        marks += 'N';
    if (summary.has_flag("\\Flagged"))
        marks += '!';
    if (summary.has_flag("\\Answered"))
        marks += 'R';
    if (summary.has_flag("$Forwarded"))
        marks += 'F';
    if (summary.has_flag("\\Draft"))
        marks += 'D';
    if (summary.has_attachment)
        marks += '@';
    return marks;
}

std::string local_date(WallTime time)
{
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts)};
}

json::string json_text(std::string_view text)
{
    const std::string valid = is_valid_utf8(text) ? std::string(text) : message::to_utf8(text, "utf-8");
    return json::string(valid);
}

json::array address_array(const std::vector<message::Address>& addresses)
{
    json::array all;
    for (const message::Address& address : addresses) {
        if (!address.is_mailbox())
            continue;
        json::object one;
        const std::string name = message::decode_text(address.display_name);
        one["name"] = name.empty() ? json::value(nullptr) : json::value(json_text(name));
        one["email"] = json_text(message::decode_text(address.spec.text()));
        all.push_back(std::move(one));
    }
    return all;
}

json::object email_object(const Summary& summary)
{
    json::object keywords;
    for (const std::string& flag : summary.flags)
        if (!equals_ignoring_case(flag, "\\Recent"))
            keywords[json_text(keyword_of(flag))] = true;
    const message::Envelope& envelope = summary.envelope;
    json::object email;
    email["id"] = json_text(summary.id());
    if (!summary.thread_id.empty())
        email["threadId"] = json_text(summary.thread_id);
    if (!summary.place.mailbox.empty())
        email["mailbox"] = json_text(summary.place.mailbox);
    email["keywords"] = std::move(keywords);
    email["size"] = summary.size;
    email["receivedAt"] = summary.received ? json::value(json_text(rfc3339_date(*summary.received))) : nullptr;
    const auto sent = envelope.date ? message::parse_date(*envelope.date) : std::nullopt;
    email["sentAt"] = sent ? json::value(json_text(rfc3339_date(sent->time))) : nullptr;
    json::array ids;
    for (const std::string& id : message::parse_message_ids(envelope.message_id.value_or("")))
        ids.push_back(json_text(id));
    email["messageId"] = std::move(ids);
    email["from"] = address_array(envelope.from);
    email["to"] = address_array(envelope.to);
    email["cc"] = address_array(envelope.cc);
    if (!envelope.bcc.empty())
        email["bcc"] = address_array(envelope.bcc);
    // IMAP's ENVELOPE says From again where there is no Reply-To (RFC 3501 section 7.4.2).
    email["replyTo"] = envelope.reply_to.empty() || envelope.reply_to == envelope.from
        ? boost::json::value(nullptr)
        : boost::json::value(address_array(envelope.reply_to));
    email["subject"] = json_text(subject_of(envelope));
    email["hasAttachment"] = summary.has_attachment;
    if (summary.preview)
        email["preview"] = json_text(*summary.preview);
    return email;
}

std::string json_document(const json::value& value)
{
    const std::string plain = json::serialize(value);
    std::string out;
    out.reserve(plain.size() + 1);
    for (std::size_t at = 0; at < plain.size();) {
        const auto first = static_cast<unsigned char>(plain[at]);
        const std::size_t length = std::min(plain.size() - at,
                                            first < 0x80        ? 1ul
                                                : first >= 0xf0 ? 4ul
                                                : first >= 0xe0 ? 3ul
                                                                : 2ul);
        char32_t c = length == 1 ? first : first & (0x7fu >> length);
        for (std::size_t i = 1; i < length; ++i)
            c = (c << 6) | (static_cast<unsigned char>(plain[at + i]) & 0x3fu);
        if (must_escape(c))
            out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
        else
            out += plain.substr(at, length);
        at += length;
    }
    return out + "\n";
}

void print_summaries(const std::vector<Summary>& list, bool with_mailbox, std::string_view mine)
{
    const bool person = is_terminal(stdout);
    std::vector<Column> columns{{"#", Align::right}};
    if (!person)
        columns.push_back({"ID"});
    columns.push_back({"Date"});
    columns.push_back({""});
    if (with_mailbox)
        columns.push_back({"Mailbox", Align::left, true});
    columns.push_back({"From", Align::left, true});
    columns.push_back({"Subject", Align::left, true});
    Table table(std::move(columns));
    std::size_t number = 0;
    for (const Summary& summary : list) {
        std::vector<std::string> row{std::to_string(++number)};
        const std::optional<WallTime> when = summary.when();
        if (!person)
            row.push_back(summary.id());
        row.push_back(!when ? "" : person ? local_date(*when) : rfc3339_date(*when));
        row.push_back(marks_of(summary));
        if (with_mailbox)
            row.push_back(summary.place.mailbox);
        // What I wrote is told apart by whom I wrote to.
        const std::vector<message::Address>& from = summary.envelope.from;
        const bool is_mine = person && !from.empty() && equals_ignoring_case(from.front().spec.text(), mine) &&
            !summary.envelope.to.empty();
        row.push_back(is_mine ? "to " + people(summary.envelope.to) : people(from));
        row.push_back(subject_of(summary.envelope));
        table.add(std::move(row));
    }
    table.print(stdout);
}

std::string safe_lines(std::string_view text)
{
    std::string out;
    for (std::string_view line : split(text, '\n')) {
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        std::string expanded;
        std::size_t column = 0;
        for (const char c : line.substr(0, longest_line_shown)) {
            const std::size_t width = c == '\t' ? tab_stop - column % tab_stop : (c & 0xc0) == 0x80 ? 0 : 1;
            if (c == '\t')
                expanded.append(width, ' ');
            else
                expanded += c;
            column += width;
        }
        out += printable(expanded, longest_line_shown) + "\n";
    }
    if (text.ends_with('\n') || text.empty())
        out.pop_back();  // split() gives an empty piece behind the last line end
    return out;
}

}  // namespace posthouse::mua
