// The rows of a full-text index, as docs/store-layout.md states them. Pure; threads: any.
#pragma once

#include "mailbox/types.h"
#include "search/segment.h"
#include "store/key.h"
#include "store/store.h"

namespace posthouse::mailbox {

store::Partition index_partition(AccountId account);

store::Key catalogue_key();
store::Key emails_key(Id segment, std::size_t part);
store::Key terms_key(Id segment, std::size_t chunk);
store::Key postings_key(Id segment, std::size_t chunk);
store::Range all_segment_emails();
store::Range emails_of_segment(Id segment);
store::Range terms_of_segment(Id segment);
store::Range postings_of_segment(Id segment);

struct ListedSegment {
    Id id = 0;
    std::uint64_t chunks = 0;
};
std::string write_catalogue(std::span<const ListedSegment> segments);
Result<std::vector<ListedSegment>> read_catalogue(std::string_view value);

// A part of a segment's e-mails, and which of them are opaque, counted from the part's first.
struct SegmentEmails {
    std::vector<EmailId> emails;
    std::vector<search::Document> opaque;
};
inline constexpr std::size_t emails_a_part = 4096;
std::string write_segment_emails(const SegmentEmails& part);
Result<SegmentEmails> read_segment_emails(std::string_view value);

}  // namespace posthouse::mailbox
