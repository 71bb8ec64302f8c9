#include "search/merge.h"

#include <algorithm>

namespace posthouse::search {

Merge::Merge(std::vector<std::shared_ptr<const Segment>> segments, const IsGone& gone) :
    segments_(std::move(segments)), inputs_(segments_.size())
{
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        const Segment& segment = *segments_[i];
        std::vector<Document>& becomes = inputs_[i].becomes;
        for (std::size_t document = 0; document < segment.emails.size(); ++document) {
            const bool is_gone = i < gone.size() && document < gone[i].size() && gone[i][document];
            becomes.push_back(is_gone ? none : static_cast<Document>(emails_.size()));
            if (!is_gone)
                emails_.push_back(segment.emails[document]);
        }
        for (const Document document : segment.opaque)
            if (document < becomes.size() && becomes[document] != none)
                opaque_.push_back(becomes[document]);
    }
    writer_.emplace(emails_.size());
}

std::optional<Merge::Wanted> Merge::wants() const
{
    for (std::size_t i = 0; i < inputs_.size(); ++i)
        if (!ended(i) && !inputs_[i].postings)
            return Wanted{i, inputs_[i].chunk};
    return std::nullopt;
}

void Merge::feed(Wanted wanted, std::string postings)
{
    inputs_[wanted.segment].postings = std::move(postings);
    if (!wants())
        run();
}

// As long as every input that has not ended has its chunk at hand.
void Merge::run()
{
    while (!wants()) {
        std::optional<std::string_view> least;
        for (std::size_t i = 0; i < inputs_.size(); ++i) {
            if (ended(i))
                continue;
            const std::string_view term = segments_[i]->chunks[inputs_[i].chunk].term(inputs_[i].term);
            if (!least || term < *least)
                least = term;
        }
        if (!least)
            return;
        step(*least);
    }
}

void Merge::step(std::string_view term)
{
    std::vector<Document> holders;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        Input& input = inputs_[i];
        if (ended(i))
            continue;
        const Chunk& chunk = segments_[i]->chunks[input.chunk];
        if (chunk.term(input.term) != term)
            continue;
        for (const Document document : unpack(chunk.postings(input.term, *input.postings)))
            if (document < input.becomes.size() && input.becomes[document] != none)
                holders.push_back(input.becomes[document]);
        if (++input.term == chunk.size()) {
            ++input.chunk;
            input.term = 0;
            input.postings.reset();
        }
    }
    if (holders.empty())
        return;
    writer_->add(term, holders);
    if (writer_->is_full())
        ready_.push_back(writer_->take());
}

std::vector<PackedChunk> Merge::finish()
{
    if (!writer_->empty())
        ready_.push_back(writer_->take());
    return ready();
}

}  // namespace posthouse::search
