// A segment: some messages, the terms in them in order, and for each term who holds it. Immutable.
//
// Terms and postings come in chunks that belong together. The terms of all chunks are held in memory and looked
// through as text; postings are asked for when a term has been found. Pure; threads: any.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "search/postings.h"
#include "search/words.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::search {

// As they are kept (docs/store-layout.md, "Search").
struct PackedChunk {
    std::string terms;
    std::string postings;
};
struct PackedSegment {
    std::vector<Id> emails;  // in order of their document's number
    std::vector<Document> opaque;  // what they hold is not known
    std::vector<PackedChunk> chunks;
};

inline constexpr std::size_t full_terms = 24 * 1024;  // a chunk is full with so many bytes of terms
inline constexpr std::size_t full_postings = 32 * 1024;  // or of postings

// Terms in, in order; chunks out, each when it is full.
class ChunkWriter {
public:
    explicit ChunkWriter(std::size_t documents) : documents_(documents) { }
    // `term` begins with its field's byte.
    void add(std::string_view term, std::span<const Document> documents);
    bool is_full() const { return terms_.size() >= full_terms || postings_.size() >= full_postings; }
    bool empty() const { return lengths_.empty(); }
    PackedChunk take();

private:
    std::size_t documents_;
    std::string terms_;
    std::string postings_;
    std::vector<std::size_t> lengths_;
};

class Chunk {
public:
    static Result<Chunk> read(std::string_view packed_terms);

    std::size_t size() const { return starts_.size(); }
    std::string_view term(std::size_t index) const;  // with its field's byte
    // Of the postings that belong to this chunk; empty where these are too short.
    std::string_view postings(std::size_t index, std::string_view packed_postings) const;
    // Calls visit(index) of each term that fits, each once.
    template <class Visit> void find(const Needle& needle, Fields fields, Visit visit) const
    {
        for (std::size_t at = 0;;) {
            const std::size_t index = next(needle, fields, at);
            if (index == nowhere)
                return;
            visit(index);
            at = starts_[index] + term(index).size();
        }
    }

private:
    static constexpr std::size_t nowhere = ~std::size_t{0};
    std::size_t next(const Needle& needle, Fields fields, std::size_t from) const;

    std::string text_;  // each term behind its field's byte and before an LF
    std::vector<std::uint32_t> starts_;
    std::vector<std::uint32_t> ends_;  // of the postings
};

class Segment {
public:
    Id id = 0;
    std::vector<Id> emails;
    std::vector<Document> opaque;
    std::vector<Chunk> chunks;

    // emails and their documents in order of e-mail.
    std::vector<std::pair<Id, Document>> by_email;
    void sort();
};

std::string pack_emails(std::span<const Id> emails);
Result<std::vector<Id>> unpack_emails(std::string_view packed);

}  // namespace posthouse::search
