#include "search/segment.h"

#include <algorithm>
#include <cstring>

namespace posthouse::search {

namespace {

constexpr std::uint8_t version = 1;
constexpr char end_of_term = '\n';

}  // namespace

void ChunkWriter::add(std::string_view term, std::span<const Document> documents)
{
    const std::string packed = pack(documents, documents_);
    (terms_ += term) += end_of_term;
    postings_ += packed;
    lengths_.push_back(packed.size());
}

PackedChunk ChunkWriter::take()
{
    Writer terms;
    terms.u8(version).varint(lengths_.size());
    for (const std::size_t length : lengths_)
        terms.varint(length);
    terms.raw(terms_);
    PackedChunk chunk{terms.take(), std::move(postings_)};
    terms_.clear();
    postings_.clear();
    lengths_.clear();
    return chunk;
}

Result<Chunk> Chunk::read(std::string_view packed_terms)
{
    const auto corrupt = fail(ErrorCode::corrupt, "terms cannot be read");
    Reader in(packed_terms);
    const bool known = in.u8() == version;
    const std::uint64_t count = in.varint();
    if (!known || !in.ok() || count == 0 || count > in.rest().size())
        return corrupt;
    Chunk chunk;
    std::uint64_t end = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        end += in.varint();
        if (!in.ok() || end > std::numeric_limits<std::uint32_t>::max())
            return corrupt;
        chunk.ends_.push_back(static_cast<std::uint32_t>(end));
    }
    chunk.text_ = in.rest();
    for (std::size_t at = 0; at < chunk.text_.size();) {
        const std::size_t stop = chunk.text_.find(end_of_term, at);
        const auto field = static_cast<unsigned char>(chunk.text_[at]);
        if (stop == chunk.text_.npos || field == 0 || field > number_of_fields)
            return corrupt;
        chunk.starts_.push_back(static_cast<std::uint32_t>(at));
        at = stop + 1;
    }
    if (chunk.starts_.size() != count)
        return corrupt;
    return chunk;
}

std::string_view Chunk::term(std::size_t index) const
{
    const std::size_t end = index + 1 < starts_.size() ? starts_[index + 1] : text_.size();
    return std::string_view(text_).substr(starts_[index], end - 1 - starts_[index]);
}

std::string_view Chunk::postings(std::size_t index, std::string_view packed_postings) const
{
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    if (ends_[index] > packed_postings.size())
        return {};
    return packed_postings.substr(begin, ends_[index] - begin);
}

// The next term from a position on that holds the needle, where it shall be.
std::size_t Chunk::next(const Needle& needle, Fields fields, std::size_t from) const
{
    const std::string_view sought = needle.text;
    while (from < text_.size()) {
        const void* hit = ::memmem(text_.data() + from, text_.size() - from, sought.data(), sought.size());
        if (hit == nullptr)
            return nowhere;
        const auto at = static_cast<std::size_t>(static_cast<const char*>(hit) - text_.data());
        from = at + 1;
        if (needle.at_end && text_[at + sought.size()] != end_of_term)
            continue;
        if (needle.at_start && static_cast<unsigned char>(text_[at - 1]) > number_of_fields)
            continue;
        const auto behind = std::ranges::upper_bound(starts_, at);
        const auto index = static_cast<std::size_t>(behind - starts_.begin()) - 1;
        if (fields.has(text_[starts_[index]]))
            return index;
    }
    return nowhere;
}

void Segment::sort()
{
    by_email.clear();
    by_email.reserve(emails.size());
    for (std::size_t i = 0; i < emails.size(); ++i)
        by_email.emplace_back(emails[i], static_cast<Document>(i));
    std::ranges::sort(by_email);
}

std::string pack_emails(std::span<const Id> emails)
{
    Writer writer;
    writer.u8(version).varint(emails.size());
    Id last = 0;
    for (const Id email : emails) {
        writer.signed_varint(static_cast<std::int64_t>(email - last));
        last = email;
    }
    return writer.take();
}

Result<std::vector<Id>> unpack_emails(std::string_view packed)
{
    Reader in(packed);
    const bool known = in.u8() == version;
    const std::uint64_t count = in.varint();
    if (!known || !in.ok() || count > in.rest().size())
        return fail(ErrorCode::corrupt, "a segment's e-mails cannot be read");
    std::vector<Id> emails(count);
    Id last = 0;
    for (Id& email : emails)
        email = last += static_cast<Id>(in.signed_varint());
    if (!in.ok())
        return fail(ErrorCode::corrupt, "a segment's e-mails cannot be read");
    return emails;
}

}  // namespace posthouse::search
