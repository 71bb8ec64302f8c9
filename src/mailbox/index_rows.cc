#include "mailbox/index_rows.h"

#include "base/codec.h"

namespace posthouse::mailbox {

namespace {

constexpr std::uint8_t version = 1;
enum class IndexTable : std::uint8_t { catalogue = 1, emails = 2, terms = 3, postings = 4 };

store::KeyBuilder key(IndexTable table) { return store::KeyBuilder(static_cast<std::uint8_t>(table)); }
store::Key key_in(IndexTable table, Id segment, std::size_t number)
{
    return key(table).u64(segment).u32(static_cast<std::uint32_t>(number)).key();
}

}  // namespace

store::Partition index_partition(AccountId account) { return {store::PartitionKind::search, account}; }

store::Key catalogue_key() { return key(IndexTable::catalogue).key(); }
store::Key emails_key(Id segment, std::size_t part) { return key_in(IndexTable::emails, segment, part); }
store::Key terms_key(Id segment, std::size_t chunk) { return key_in(IndexTable::terms, segment, chunk); }
store::Key postings_key(Id segment, std::size_t chunk) { return key_in(IndexTable::postings, segment, chunk); }
store::Range all_segment_emails() { return key(IndexTable::emails).range(); }
store::Range emails_of_segment(Id segment) { return key(IndexTable::emails).u64(segment).range(); }
store::Range terms_of_segment(Id segment) { return key(IndexTable::terms).u64(segment).range(); }
store::Range postings_of_segment(Id segment) { return key(IndexTable::postings).u64(segment).range(); }

std::string write_catalogue(std::span<const ListedSegment> segments)
{
    Writer writer;
    writer.u8(version).varint(segments.size());
    for (const ListedSegment& segment : segments)
        writer.varint(segment.id).varint(segment.chunks);
    return writer.take();
}

Result<std::vector<ListedSegment>> read_catalogue(std::string_view value)
{
    Reader in(value);
    const bool known = in.u8() == version;
    const std::uint64_t count = in.varint();
    if (!known || count > in.rest().size() / 2)
        return fail(ErrorCode::corrupt, "an index's catalogue cannot be read");
    std::vector<ListedSegment> segments(count);
    for (ListedSegment& segment : segments) {
        segment.id = in.varint();
        segment.chunks = in.varint();
    }
    if (!in.ok())
        return fail(ErrorCode::corrupt, "an index's catalogue cannot be read");
    return segments;
}

std::string write_segment_emails(const SegmentEmails& part)
{
    Writer writer;
    writer.u8(version).string(search::pack_emails(part.emails)).varint(part.opaque.size());
    for (const search::Document document : part.opaque)
        writer.varint(document);
    return writer.take();
}

Result<SegmentEmails> read_segment_emails(std::string_view value)
{
    Reader in(value);
    const bool known = in.u8() == version;
    Result<std::vector<Id>> emails = search::unpack_emails(in.string());
    if (!known || !emails)
        return fail(ErrorCode::corrupt, "a segment's e-mails cannot be read");
    SegmentEmails part{.emails = *std::move(emails), .opaque = {}};
    const std::uint64_t count = in.varint();
    if (count > part.emails.size())
        return fail(ErrorCode::corrupt, "a segment's e-mails cannot be read");
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t document = in.varint();
        if (!in.ok() || document >= part.emails.size())
            return fail(ErrorCode::corrupt, "a segment's e-mails cannot be read");
        part.opaque.push_back(static_cast<search::Document>(document));
    }
    if (!in.ok())
        return fail(ErrorCode::corrupt, "a segment's e-mails cannot be read");
    return part;
}

}  // namespace posthouse::mailbox
