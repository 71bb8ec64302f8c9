#include "search/builder.h"

#include <algorithm>

namespace posthouse::search {

void SegmentBuilder::add(Id email, std::span<const FieldText> texts)
{
    const auto document = static_cast<Document>(emails_.size());
    emails_.push_back(email);
    bytes_ += 16;
    std::size_t runs = 0;
    for (const FieldText& one : texts)
        each_term(one.text, [&runs](std::string_view) { ++runs; });
    if (runs > most_runs) {
        opaque_.push_back(document);
        return;
    }
    for (const FieldText& one : texts)
        each_term(one.text, [&](std::string_view piece) {
            term_.assign(1, static_cast<char>(one.field));
            term_ += piece;
            add_term(document);
        });
}

void SegmentBuilder::add_opaque(Id email)
{
    opaque_.push_back(static_cast<Document>(emails_.size()));
    emails_.push_back(email);
}

void SegmentBuilder::add_term(Document document)
{
    const auto known = terms_.find(std::string_view(term_));
    if (known == terms_.end()) {
        terms_.emplace(term_, std::vector<Document>{document});
        bytes_ += 96 + term_.size();
    } else if (known->second.back() != document) {
        known->second.push_back(document);
        bytes_ += sizeof(Document);
    }
}

PackedSegment SegmentBuilder::finish()
{
    std::vector<const std::pair<const std::string, std::vector<Document>>*> in_order;
    in_order.reserve(terms_.size());
    for (const auto& term : terms_)
        in_order.push_back(&term);
    std::ranges::sort(in_order, {}, [](const auto* term) -> const std::string& { return term->first; });
    PackedSegment segment{.emails = std::move(emails_), .opaque = std::move(opaque_), .chunks = {}};
    ChunkWriter writer(segment.emails.size());
    for (const auto* term : in_order) {
        writer.add(term->first, term->second);
        if (writer.is_full())
            segment.chunks.push_back(writer.take());
    }
    if (!writer.empty())
        segment.chunks.push_back(writer.take());
    *this = {};
    return segment;
}

}  // namespace posthouse::search
