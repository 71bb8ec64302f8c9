#include "mta/bounce/returned.h"

#include "base/text.h"
#include "message/body.h"

#include <algorithm>

namespace posthouse::mta::bounce {

namespace {

constexpr std::size_t longest_line = 998;  // RFC 5322 section 2.1.1, without CRLF

std::string_view without_line_end(std::string_view line) { return line.substr(0, line.find_last_not_of("\r\n") + 1); }

// Nothing in it keeps it from being a part that is not encoded.
bool can_be_sent_as_it_is(std::string_view content)
{
    return content.find('\0') == std::string_view::npos &&
        std::ranges::all_of(split(content, '\n'),
                            [](std::string_view line) { return without_line_end(line).size() <= longest_line; });
}

// The header's fields without the empty line: whole lines, none too long, no controls but tabs.
std::string clean_header(std::string_view header)
{
    std::string out;
    for (std::size_t at = 0; at < header.size();) {
        const std::size_t end = header.find('\n', at);
        if (end == std::string_view::npos)
            break;  // it was cut here
        const std::string_view line = without_line_end(header.substr(at, end - at));
        at = end + 1;
        if (line.empty())
            break;
        for (const char c : line.substr(0, longest_line))
            out += is_control(c) && c != '\t' ? ' ' : c;
        out += "\r\n";
    }
    return out;
}

message::BodyPart headers_alone(const smtp::Notice& notice)
{
    std::string header = clean_header(notice.header);
    if (is_ascii(header))
        return {.type = "text/rfc822-headers", .content = std::move(header), .description = "The message's header"};
    // RFC 6533 section 6.3: UTF-8 in NFC; what is not UTF-8 is read as what it most likely is.
    return {.type = "message/global-headers",
            .content = is_valid_utf8(header) ? std::move(header) : message::to_utf8(header, "windows-1252"),
            .description = "The message's header"};
}

}  // namespace

message::BodyPart returned(const smtp::Notice& notice)
{
    const bool any_failed =
        std::ranges::any_of(notice.recipients, [](const auto& r) { return r.kind == smtp::NoticeKind::failed; });
    const bool whole = any_failed && notice.content_is_whole && !notice.content.empty() &&
        notice.envelope.ret != smtp::Ret::headers && can_be_sent_as_it_is(notice.content);
    if (!whole)
        return headers_alone(notice);
    // RFC 6532 section 3.7: message/global is for UTF-8 headers; other bytes over 127 are returned as they came.
    const bool global = !is_ascii(notice.header) && is_valid_utf8(notice.header);
    return {
        .type = global ? "message/global" : "message/rfc822", .content = notice.content, .description = "The message"};
}

}  // namespace posthouse::mta::bounce
