#include "imap/server/body_section.h"

#include "base/text.h"
#include "message/header.h"

#include <algorithm>
#include <unordered_set>

namespace posthouse::imap {

namespace {

using message::Part;
using Text = Section::Text;

// Offsets of the content, made offsets of the whole; the prefix is part of the message's own header.
Octets in_whole(const mailbox::Email& email, std::uint64_t begin, std::uint64_t end)
{
    const std::uint64_t shift = email.prefix.size();
    return {begin == 0 ? 0 : begin + shift, end + shift};
}

// HEADER, TEXT and their like speak of a message: the whole, or the one in a message/rfc822 part.
const Part* message_of(const message::Digest& digest, const Section& section)
{
    if (section.part.empty())
        return &digest.parts.front();
    const Part* part = digest.find(section.part);
    if (part == nullptr || !part->is_message())
        return nullptr;
    const auto index = static_cast<std::int32_t>(part - digest.parts.data());
    const std::int32_t inner = digest.first_child(index);
    return inner == message::no_part ? nullptr : &digest.parts[static_cast<std::size_t>(inner)];
}

}  // namespace

std::optional<Octets> octets_of(const mailbox::Email& email, const Section& section)
{
    const message::Digest& digest = *email.digest;
    if (digest.parts.empty())
        return std::nullopt;
    if (section.text == Text::all && section.part.empty())
        return Octets{0, email.size};
    if (section.text == Text::all || section.text == Text::mime) {
        const Part* part = digest.find(section.part);
        if (part == nullptr)
            return std::nullopt;
        return section.text == Text::mime ? in_whole(email, part->header_begin, part->body_begin)
                                          : in_whole(email, part->body_begin, part->end);
    }
    const Part* part = message_of(digest, section);
    if (part == nullptr)
        return std::nullopt;
    return section.text == Text::text ? in_whole(email, part->body_begin, part->end)
                                      : in_whole(email, part->header_begin, part->body_begin);
}

Octets clipped(Octets octets, const std::optional<Partial>& partial)
{
    if (!partial)
        return octets;
    const std::uint64_t begin = std::min(octets.begin + partial->offset, octets.end);
    return {begin, std::min(begin + partial->length, octets.end)};
}

std::string picked_fields(std::string_view header, const Section& section)
{
    std::unordered_set<std::string> names;
    for (const std::string& field : section.fields)
        names.insert(to_lower(field));
    const bool wanted = section.text == Text::header_fields;
    std::string out;
    message::HeaderReader reader(header);
    while (const auto field = reader.next()) {
        if (names.contains(to_lower(field->name)) != wanted)
            continue;
        out += header.substr(field->begin, field->end - field->begin);
        if (!out.ends_with('\n'))
            out += "\r\n";  // a header that ends without a line end
    }
    return out + "\r\n";
}

}  // namespace posthouse::imap
