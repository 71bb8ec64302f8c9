// Sections of hostile messages: the first line is a section, the rest a message. What octets_of() names lies within
// the message, whatever its structure claims; picked fields are bounded by the header.
#include "imap/server/body_section.h"

#include "message/parser.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::imap;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t newline = input.find('\n');
    if (newline == std::string_view::npos)
        return 0;
    Cursor in(input.substr(0, newline));
    const auto attribute = fetch_attribute(in);
    if (!attribute || attribute->kind != FetchAttribute::Kind::section)
        return 0;
    mailbox::Email email;
    email.prefix = "Return-Path: <>\r\n";
    const std::string whole = email.prefix + std::string(input.substr(newline + 1));
    email.size = whole.size();
    email.digest =
        std::make_shared<message::Digest>(message::digest_of(std::string_view(whole).substr(email.prefix.size())));
    const auto octets = octets_of(email, attribute->section);
    if (!octets)
        return 0;
    if (octets->begin > octets->end || octets->end > whole.size())
        std::abort();
    const Octets part = clipped(*octets, attribute->partial);
    if (part.begin < octets->begin || part.end > octets->end || part.begin > part.end)
        std::abort();
    const std::string header = whole.substr(octets->begin, octets->size());
    if (picked_fields(header, attribute->section).size() > header.size() + 4)
        std::abort();
    return 0;
}
