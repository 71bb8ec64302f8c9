// Rows of an index from a spoilt store: read or refused; what was read can be looked through and merged.
#include "search/merge.h"

#include <algorithm>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::search;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = std::min<std::size_t>(data[0], size - 1);
    const std::string_view terms = bytes.substr(1, cut);
    const std::string postings(bytes.substr(1 + cut));
    static_cast<void>(unpack_emails(terms));
    Result<Chunk> chunk = Chunk::read(terms);
    if (!chunk)
        return 0;
    auto segment = std::make_shared<Segment>();
    segment->emails = {5, 3, 9};
    segment->chunks.push_back(*std::move(chunk));
    segment->sort();
    Documents found(segment->emails.size());
    for (const bool anchored : {false, true})
        segment->chunks[0].find({"a", anchored, anchored}, Fields(Field::body) | Field::header,
                                [&](std::size_t term) { unpack(segment->chunks[0].postings(term, postings), found); });
    Merge merge({segment, segment}, {});
    while (const auto wanted = merge.wants())
        merge.feed(*wanted, postings);
    for (const PackedChunk& packed : merge.finish())
        if (!Chunk::read(packed.terms))
            std::abort();
    return 0;
}
