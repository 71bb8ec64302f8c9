// One segment made of several, as their chunks come: a merge of sorted lists. Documents that are gone are left out.
//
// Its user feeds the postings of the chunks that it asks for, and takes away the chunks that are ready:
//
//     while (const auto wanted = merge.wants()) { merge.feed(*wanted, postings); take(merge.ready()); }
//     take(merge.finish());
//
// Threads: one. Lifetime: the segments outlive it.
#pragma once

#include "search/segment.h"

#include <optional>

namespace posthouse::search {

class Merge {
public:
    struct Wanted {
        std::size_t segment = 0;  // index of those it was given
        std::size_t chunk = 0;
    };
    using IsGone = std::vector<std::vector<bool>>;  // of each segment's documents

    Merge(std::vector<std::shared_ptr<const Segment>> segments, const IsGone& gone);

    const std::vector<Id>& emails() const { return emails_; }
    const std::vector<Document>& opaque() const { return opaque_; }

    std::optional<Wanted> wants() const;  // nullopt: all has been fed
    void feed(Wanted wanted, std::string postings);
    std::vector<PackedChunk> ready() { return std::exchange(ready_, {}); }
    std::vector<PackedChunk> finish();

private:
    static constexpr Document none = ~Document{0};
    struct Input {
        std::size_t chunk = 0;
        std::size_t term = 0;
        std::optional<std::string> postings;  // of `chunk`
        std::vector<Document> becomes;  // `none`: it is gone
    };

    bool ended(std::size_t input) const { return inputs_[input].chunk == segments_[input]->chunks.size(); }
    void run();
    void step(std::string_view term);

    std::vector<std::shared_ptr<const Segment>> segments_;
    std::vector<Input> inputs_;
    std::vector<Id> emails_;
    std::vector<Document> opaque_;
    std::optional<ChunkWriter> writer_;
    std::vector<PackedChunk> ready_;
};

}  // namespace posthouse::search
