#include "imap/server/fetch_bytes.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using Kind = FetchAttribute::Kind;
using Text = Section::Text;

// A message up to this size is read once for all its sections; of a larger one the ranges asked for.
constexpr std::uint64_t read_whole = 256 * 1024;

bool is_binary(Kind kind) { return kind == Kind::binary || kind == Kind::binary_size; }

// RFC 3501 section 6.4.5: the RFC822 forms are sections under an older name.
Section section_of(const FetchAttribute& attribute)
{
    switch (attribute.kind) {
    case Kind::rfc822_header: return {.part = {}, .text = Text::header, .fields = {}};
    case Kind::rfc822_text: return {.part = {}, .text = Text::text, .fields = {}};
    case Kind::rfc822: return {};
    default: return attribute.section;
    }
}

bool is_picked(const Section& section)
{
    return section.text == Text::header_fields || section.text == Text::header_fields_not;
}

Task<bool> append_to(std::string& into, std::string piece)
{
    into += piece;
    co_return true;
}

}  // namespace

void write_section_name(Serializer& out, const FetchAttribute& attribute)
{
    if (attribute.kind != Kind::section && attribute.kind != Kind::binary) {
        out.fetch_attribute(attribute);
        return;
    }
    out.raw(attribute.kind == Kind::binary ? "BINARY" : "BODY")
        .section(attribute.section, attribute.partial ? std::optional(attribute.partial->offset) : std::nullopt);
}

bool is_of_bytes(Kind kind)
{
    return kind == Kind::section || kind == Kind::rfc822 || kind == Kind::rfc822_header || kind == Kind::rfc822_text ||
        is_binary(kind);
}

Task<Result<void>> MessageBytes::read()
{
    if (!std::ranges::any_of(attributes_, is_of_bytes, &FetchAttribute::kind))
        co_return Result<void>{};
    if (email_.size <= read_whole) {
        Result<std::string> bytes = co_await session_.view().account->read_all(email_);
        if (!bytes)
            co_return fail(bytes.error());
        whole_ = std::move(*bytes);
    }
    for (const FetchAttribute& attribute : attributes_) {
        const Result<void> got = co_await read_ahead(attribute);
        if (!got)
            co_return got;
    }
    co_return Result<void>{};
}

// Of a large message what is picked from its header, which is at most 1 MiB; and what BINARY must know.
Task<Result<void>> MessageBytes::read_ahead(const FetchAttribute& attribute)
{
    if (is_binary(attribute.kind))
        co_return co_await read_binary(attribute);
    if (whole_ || !is_of_bytes(attribute.kind) || !is_picked(attribute.section))
        co_return Result<void>{};
    const std::optional<Octets> octets = octets_of(email_, attribute.section);
    if (!octets)
        co_return Result<void>{};  // NIL
    std::string header;
    const Result<void> got = co_await collect(*octets, header);
    if (!got)
        co_return got;
    headers_.push_back(std::move(header));
    co_return Result<void>{};
}

Task<Result<void>> MessageBytes::read_binary(const FetchAttribute& attribute)
{
    const auto part = binary_part(email_, attribute.section);
    if (!part)
        co_return fail(part.error());
    Binary binary{.part = *part};
    if (binary.part && whole_) {
        const Octets octets = binary.part->octets;
        binary.decoded = message::decode_transfer(std::string_view(*whole_).substr(octets.begin, octets.size()),
                                                  binary.part->encoding);
        binary.facts = facts_of(*binary.decoded);
    } else if (binary.part && binary.part->encoding == message::TransferEncoding::identity && !email_.digest->has_nul) {
        binary.facts.size = binary.part->octets.size();
    } else if (binary.part) {
        const Result<BinaryFacts> facts = co_await measure(*session_.view().account, email_, *binary.part);
        if (!facts)
            co_return fail(facts.error());
        binary.facts = *facts;
    }
    binaries_.push_back(std::move(binary));
    co_return Result<void>{};
}

Task<Result<void>> MessageBytes::write(const FetchAttribute& attribute)
{
    Serializer& out = session_.out();
    if (is_binary(attribute.kind))
        co_return co_await write_binary(attribute);
    write_section_name(out, attribute);
    out.raw(" ");
    const Section section = section_of(attribute);
    const std::optional<Octets> octets = octets_of(email_, section);
    if (!octets) {
        out.nil();
        co_return Result<void>{};
    }
    if (is_picked(section)) {
        const std::string picked = picked_fields(header_for(*octets), section);
        const Octets part = clipped({0, picked.size()}, attribute.partial);
        out.literal(picked.substr(part.begin, part.size()));
        co_return Result<void>{};
    }
    const Octets part = clipped(*octets, attribute.partial);
    if (!whole_) {
        out.literal_head(part.size());
        co_return co_await stream(part);
    }
    if (part.size() == whole_->size() && is_last(attribute))
        out.literal(std::move(*whole_));  // BODY[] alone: no copy
    else
        out.literal(whole_->substr(part.begin, part.size()));
    co_return Result<void>{};
}

// RFC 3516 section 4.2 and 4.3.
Task<Result<void>> MessageBytes::write_binary(const FetchAttribute& attribute)
{
    Serializer& out = session_.out();
    Binary& binary = binaries_[next_binary_++];
    write_section_name(out, attribute);
    out.raw(" ");
    if (attribute.kind == Kind::binary_size) {
        out.number(binary.facts.size);
        co_return Result<void>{};
    }
    if (!binary.part) {
        out.nil();
        co_return Result<void>{};
    }
    const Octets wanted = clipped({0, binary.facts.size}, attribute.partial);
    if (binary.decoded) {
        std::string piece = binary.decoded->substr(wanted.begin, wanted.size());
        binary.facts.has_nul ? out.literal8(std::move(piece)) : out.literal(std::move(piece));
        co_return Result<void>{};
    }
    out.raw(binary.facts.has_nul ? "~" : "").literal_head(wanted.size());
    if (binary.part->encoding != message::TransferEncoding::identity)
        co_return co_await stream_decoded(*binary.part, wanted);
    const std::uint64_t begin = binary.part->octets.begin;
    co_return co_await stream({begin + wanted.begin, begin + wanted.end});
}

Task<Result<void>> MessageBytes::collect(Octets octets, std::string& into)
{
    const auto keep = [&into](std::string piece) -> Task<bool> { return append_to(into, std::move(piece)); };
    co_return co_await session_.view().account->read(email_, octets.begin, octets.size(), keep);
}

// From the store to the wire, piece by piece.
Task<Result<void>> MessageBytes::stream(Octets octets)
{
    left_ = octets.size();
    const auto pass_on = [this](std::string piece) -> Task<bool> { return send(std::move(piece)); };
    const Result<void> read = co_await session_.view().account->read(email_, octets.begin, octets.size(), pass_on);
    co_return co_await broken_off(read);
}

Task<Result<void>> MessageBytes::stream_decoded(const BinaryPart& part, Octets wanted)
{
    message::TransferDecoder decoder(part.encoding);
    left_ = wanted.size();
    decoded_ = 0;
    const auto pass_on = [&](std::string piece) -> Task<bool> {
        return send_decoded(decoder, wanted, std::move(piece));
    };
    Result<void> read = co_await session_.view().account->read(email_, part.octets.begin, part.octets.size(), pass_on);
    if (read && left_ > 0) {
        const bool sent = co_await send_decoded(decoder, wanted, {});
        static_cast<void>(sent);  // what is left tells
    }
    co_return co_await broken_off(read);
}

// A literal that was announced and did not come whole: nothing can follow it.
Task<Result<void>> MessageBytes::broken_off(const Result<void>& read)
{
    if (read && left_ == 0)
        co_return Result<void>{};
    if (!read)
        session_.services().log.write(LogLevel::error, "imap/server", session_.id(),
                                      "a message could not be read to its end; the session is closed",
                                      {{"why", read.error().text}});
    co_return fail(ErrorCode::closed);
}

Task<bool> MessageBytes::send(std::string piece)
{
    if (piece.size() > left_)
        co_return false;
    left_ -= piece.size();
    const Result<void> sent = co_await session_.channel().send(std::move(piece));
    co_return sent.has_value();
}

// An empty piece is the end. Of what comes out, what lies in `wanted` is sent.
Task<bool> MessageBytes::send_decoded(message::TransferDecoder& decoder, Octets wanted, std::string piece)
{
    std::string decoded;
    if (piece.empty())
        decoder.finish(decoded);
    else
        decoder.feed(piece, decoded);
    const std::uint64_t from = std::clamp(wanted.begin, decoded_, decoded_ + decoded.size());
    const std::uint64_t until = std::clamp(wanted.end, from, decoded_ + decoded.size());
    std::string part = decoded.substr(from - decoded_, until - from);
    decoded_ += decoded.size();
    if (part.empty())
        co_return true;
    co_return co_await send(std::move(part));
}

std::string_view MessageBytes::header_for(Octets octets)
{
    if (whole_)
        return std::string_view(*whole_).substr(octets.begin, octets.size());
    return headers_[next_header_++];
}

bool MessageBytes::is_last(const FetchAttribute& attribute) const
{
    return std::none_of(attributes_.begin() + (&attribute - attributes_.data()) + 1, attributes_.end(),
                        [](const auto& later) { return is_of_bytes(later.kind); });
}

}  // namespace posthouse::imap
