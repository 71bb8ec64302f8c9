#include "imap/server/binary_section.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

bool is_known(std::string_view encoding)
{
    constexpr std::array<std::string_view, 6> known{"", "7bit", "8bit", "binary", "quoted-printable", "base64"};
    return std::ranges::any_of(known, [&](std::string_view one) { return equals_ignoring_case(one, encoding); });
}

Task<bool> count(message::TransferDecoder& decoder, BinaryFacts& facts, std::string piece)
{
    std::string decoded;
    decoder.feed(piece, decoded);
    const BinaryFacts more = facts_of(decoded);
    facts.size += more.size;
    facts.has_nul |= more.has_nul;
    co_return true;
}

}  // namespace

Result<std::optional<BinaryPart>> binary_part(const mailbox::Email& email, const Section& section)
{
    const std::optional<Octets> octets = octets_of(email, section);
    if (!octets)
        return std::nullopt;
    BinaryPart part{.octets = *octets};
    if (section.part.empty())
        return part;  // a message as a whole has no encoding
    const message::Part* found = email.digest->find(section.part);
    if (!found->is_leaf())
        return part;
    if (!is_known(found->encoding))
        return fail(ErrorCode::malformed, "a part in a transfer encoding that is not known");
    part.encoding = message::transfer_encoding(found->encoding);
    return part;
}

BinaryFacts facts_of(std::string_view decoded)
{
    return {decoded.size(), decoded.find('\0') != std::string_view::npos};
}

Task<Result<BinaryFacts>> measure(mailbox::Account& account, mailbox::Email email, BinaryPart part)
{
    message::TransferDecoder decoder(part.encoding);
    BinaryFacts facts;
    const auto take = [&](std::string piece) -> Task<bool> { return count(decoder, facts, std::move(piece)); };
    const Result<void> read = co_await account.read(std::move(email), part.octets.begin, part.octets.size(), take);
    if (!read)
        co_return fail(read.error());
    std::string rest;
    decoder.finish(rest);
    const BinaryFacts last = facts_of(rest);
    co_return BinaryFacts{facts.size + last.size, facts.has_nul || last.has_nul};
}

}  // namespace posthouse::imap
