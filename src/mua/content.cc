#include "mua/content.h"

#include "base/text.h"
#include "message/body.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

using message::Digest;
using message::no_part;
using message::Part;

constexpr std::size_t longest_file_name = 200;

struct Ending {
    std::string_view ending;
    std::string_view type;
};
// The first of a type gives its ending back.
constexpr std::array endings{
    Ending{"txt", "text/plain"},
    Ending{"log", "text/plain"},
    Ending{"md", "text/markdown"},
    Ending{"csv", "text/csv"},
    Ending{"html", "text/html"},
    Ending{"htm", "text/html"},
    Ending{"ics", "text/calendar"},
    Ending{"vcf", "text/vcard"},
    Ending{"patch", "text/x-diff"},
    Ending{"diff", "text/x-diff"},
    Ending{"eml", "message/rfc822"},
    Ending{"png", "image/png"},
    Ending{"jpg", "image/jpeg"},
    Ending{"jpeg", "image/jpeg"},
    Ending{"gif", "image/gif"},
    Ending{"webp", "image/webp"},
    Ending{"svg", "image/svg+xml"},
    Ending{"mp3", "audio/mpeg"},
    Ending{"ogg", "audio/ogg"},
    Ending{"wav", "audio/wav"},
    Ending{"mp4", "video/mp4"},
    Ending{"webm", "video/webm"},
    Ending{"pdf", "application/pdf"},
    Ending{"json", "application/json"},
    Ending{"xml", "application/xml"},
    Ending{"zip", "application/zip"},
    Ending{"gz", "application/gzip"},
    Ending{"tar", "application/x-tar"},
    Ending{"doc", "application/msword"},
    Ending{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    Ending{"xls", "application/vnd.ms-excel"},
    Ending{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    Ending{"odt", "application/vnd.oasis.opendocument.text"},
    Ending{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    Ending{"asc", "application/pgp-signature"},
};

std::string_view body_of(const Part& part, std::string_view whole)
{
    const std::size_t begin = std::min<std::uint64_t>(part.body_begin, whole.size());
    return whole.substr(begin, std::min<std::uint64_t>(part.end, whole.size()) - begin);
}

bool is_shown_text(const Part& part)
{
    return part.is_leaf() && part.is_text() && part.disposition != "attachment" &&
        (part.subtype == "plain" || part.subtype == "html" || part.file_name().empty());
}

// multipart/alternative parts in which a plain text says something: their HTML is left out.
std::vector<bool> have_plain_text(const Digest& digest, std::string_view whole)
{
    std::vector<bool> have(digest.parts.size(), false);
    for (const Part& part : digest.parts) {
        if (!is_shown_text(part) || part.subtype != "plain")
            continue;
        const std::string text = message::readable_text(part, body_of(part, whole));
        if (text.find_first_not_of(" \t\r\n") == std::string::npos)
            continue;
        for (std::int32_t up = part.parent; up != no_part; up = digest.parts[static_cast<std::size_t>(up)].parent)
            if (digest.parts[static_cast<std::size_t>(up)].subtype == "alternative")
                have[static_cast<std::size_t>(up)] = true;
    }
    return have;
}

bool has_better(const Digest& digest, const Part& part, const std::vector<bool>& have_plain)
{
    if (part.subtype == "plain")
        return false;
    for (std::int32_t up = part.parent; up != no_part; up = digest.parts[static_cast<std::size_t>(up)].parent)
        if (have_plain[static_cast<std::size_t>(up)])
            return true;
    return false;
}

std::string_view ending_of(std::string_view name)
{
    const std::size_t dot = name.rfind('.');
    return dot == std::string_view::npos || dot == 0 ? std::string_view() : name.substr(dot + 1);
}

// Length of the UTF-8 character at the front, by its first byte.
std::size_t character_length(char first)
{
    const auto byte = static_cast<unsigned char>(first);
    return byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
}

std::string cut_to(std::string_view text, std::size_t most)
{
    std::size_t end = 0;
    while (end < text.size() && end + character_length(text[end]) <= std::min(most, text.size()))
        end += character_length(text[end]);
    return std::string(text.substr(0, end));
}

}  // namespace

Content content_of(const Digest& digest, std::string_view whole)
{
    Content content;
    const std::vector<bool> have_plain = have_plain_text(digest, whole);
    for (std::size_t i = 0; i < digest.parts.size();) {
        const Part& part = digest.parts[i];
        const auto index = static_cast<std::int32_t>(i);
        const bool is_inner_message = part.is_message();
        i = is_inner_message ? part.after : i + 1;
        if (part.is_multipart())
            continue;
        if (!is_inner_message && is_shown_text(part)) {
            if (!has_better(digest, part, have_plain))
                content.texts.push_back({digest.path_of(index), part.type + "/" + part.subtype,
                                         message::readable_text(part, body_of(part, whole))});
            continue;
        }
        content.attachments.push_back(
            {digest.path_of(index), part.file_name(), part.type + "/" + part.subtype, part.body_size(), index});
    }
    return content;
}

std::string joined(const std::vector<TextPart>& texts)
{
    std::string all;
    for (const TextPart& part : texts) {
        if (!all.empty())
            all += all.ends_with('\n') ? "\n" : "\n\n";
        all += part.text;
    }
    return all;
}

std::string bytes_of(const Digest& digest, const Attachment& attachment, std::string_view whole)
{
    const Part& part = digest.parts.at(static_cast<std::size_t>(attachment.part));
    const message::TransferEncoding encoding = message::transfer_encoding(part.encoding);
    std::string bytes = message::decode_transfer(body_of(part, whole), encoding);
    // RFC 2046 section 4.1.1: CRLF is how text travels; here a line ends with LF. What came as base64 was
    // meant byte for byte.
    if (!part.is_text() || encoding == message::TransferEncoding::base64)
        return bytes;
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] != '\r' || i + 1 == bytes.size() || bytes[i + 1] != '\n')
            text += bytes[i];
    return text;
}

std::string safe_file_name(std::string_view name, std::string_view type, std::size_t number)
{
    const std::string valid = is_valid_utf8(name) ? std::string(name) : message::to_utf8(name, "utf-8");
    name = valid;
    // Only what stands behind the last separator, of any system.
    name = name.substr(name.find_last_of("/\\") + 1);
    std::string safe;
    for (std::size_t at = 0; at < name.size();) {
        const std::size_t length = std::min(character_length(name[at]), name.size() - at);
        const std::string_view character = name.substr(at, length);
        at += length;
        // What would not be printed as it is does not become a part of a name either.
        const bool odd = printable(character) != character || character.find_first_of(":*?\"<>|`$") == 0;
        safe += odd ? std::string_view("_") : character;
    }
    safe = trim(safe);
    while (safe.starts_with('.') || safe.starts_with('-') || safe.starts_with('~'))
        safe.erase(0, 1);
    while (safe.ends_with('.') || safe.ends_with(' '))
        safe.pop_back();
    if (safe.empty()) {
        safe = fmt::format("attachment-{}", number);
        for (const Ending& one : endings)
            if (one.type == type)
                return fmt::format("{}.{}", safe, one.ending);
        return safe;
    }
    if (safe.size() <= longest_file_name)
        return safe;
    const std::string ending(ending_of(safe));
    if (ending.empty() || ending.size() > 16)
        return cut_to(safe, longest_file_name);
    return cut_to(safe, longest_file_name - ending.size() - 1) + "." + ending;
}

std::string_view type_of_file(std::string_view name)
{
    const std::string ending = to_lower(ending_of(name));
    for (const Ending& one : endings)
        if (one.ending == ending)
            return one.type;
    return "application/octet-stream";
}

}  // namespace posthouse::mua
