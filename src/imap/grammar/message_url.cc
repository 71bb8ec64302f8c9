#include "imap/grammar/message_url.h"

#include "base/text.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>
#include <limits>

namespace posthouse::imap {

namespace {

// RFC 3986 section 2.1. Strict: two hexadecimal digits behind each "%", and UTF-8 in the end.
std::optional<std::string> percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto byte = i + 2 < text.size() ? hex_decode(to_lower(text.substr(i + 1, 2))) : std::nullopt;
        if (!byte)
            return std::nullopt;
        out += *byte;
        i += 2;
    }
    if (!is_valid_utf8(out) || std::ranges::any_of(out, is_control))
        return std::nullopt;
    return out;
}

// iserver = [user [";AUTH=" mechanism] "@"] host [":" port]
bool server(Cursor& in, MessageUrl& url)
{
    std::string_view authority = in.take_while([](char c) { return c != '/'; });
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        const std::string_view login = authority.substr(0, at);
        auto user = percent_decoded(login.substr(0, login.find(';')));
        if (!user)
            return false;
        url.user = std::move(*user);
        authority.remove_prefix(at + 1);
    }
    url.host = to_lower(authority.substr(0, authority.find(':')));
    return !url.host.empty();
}

// A number behind ";NAME=".
std::optional<std::uint32_t> numbered(Cursor& in, std::string_view name)
{
    return in.take(name) ? nz_number(in) : std::nullopt;
}

// "/;SECTION=" enc-section: what BODY[…] has between its brackets, percent-encoded.
bool section_named(Cursor& in, MessageUrl& url)
{
    const std::string_view encoded = in.take_while([](char c) { return c != '/'; });
    const auto decoded = percent_decoded(encoded);
    if (!decoded)
        return false;
    const std::string text = *decoded + "]";
    Cursor inner(text);
    auto found = section(inner);
    if (!found || !inner.at_end())
        return false;
    url.section = std::move(*found);
    return true;
}

// "/;PARTIAL=" offset ["." length]
bool partial_named(Cursor& in, MessageUrl& url)
{
    const auto offset = number(in);
    if (!offset)
        return false;
    Partial partial{.offset = *offset, .length = std::numeric_limits<std::int64_t>::max()};
    if (in.take('.')) {
        const auto length = nz_number(in);
        if (!length)
            return false;
        partial.length = *length;
    }
    url.partial = partial;
    return true;
}

}  // namespace

std::optional<MessageUrl> message_url(std::string_view text)
{
    Cursor in(text);
    MessageUrl url;
    if (in.take("imap://") && !server(in, url))
        return std::nullopt;
    if (!in.take('/'))
        return std::nullopt;
    // Up to ";UIDVALIDITY=" or "/;UID=": a name may have slashes of its own.
    const std::string rest = to_upper(in.rest());
    const std::size_t uid = rest.find(";UID=");
    if (uid == std::string::npos)
        return std::nullopt;
    const std::size_t end = std::min({rest.find(";UIDVALIDITY="), uid == 0 ? 0 : uid - 1});
    auto name = percent_decoded(in.take_bytes(end));
    if (!name)
        return std::nullopt;
    url.mailbox = std::move(*name);
    if (in.peek() == ';' && starts_with_ignoring_case(in.rest(), ";UIDVALIDITY=")) {
        url.uid_validity = numbered(in, ";UIDVALIDITY=");
        if (!url.uid_validity)
            return std::nullopt;
    }
    in.take('/');
    const auto number = numbered(in, ";UID=");
    if (!number)
        return std::nullopt;
    url.uid = *number;
    if (in.take("/;SECTION=") && !section_named(in, url))
        return std::nullopt;
    if (in.take("/;PARTIAL=") && !partial_named(in, url))
        return std::nullopt;
    if (!in.at_end())
        return std::nullopt;
    return url;
}

}  // namespace posthouse::imap
