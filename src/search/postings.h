// Which messages of a segment hold a term: numbers from 0, rising; packed by differences, or as bits where they are
// many.
#pragma once

#include "base/codec.h"

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace posthouse::search {

using Document = std::uint32_t;
inline constexpr Document most_documents = 65'536;  // of a segment

// A set of documents of one segment.
class Documents {
public:
    explicit Documents(std::size_t size) : words_((size + 63) / 64) { }
    void add(Document document)
    {
        if (document / 64 < words_.size())
            words_[document / 64] |= std::uint64_t{1} << (document % 64);
    }
    bool has(Document document) const
    {
        return document / 64 < words_.size() && ((words_[document / 64] >> (document % 64)) & 1);
    }
    void keep_those_in(const Documents& other)
    {
        for (std::size_t i = 0; i < words_.size(); ++i)
            words_[i] &= other.words_[i];
    }
    std::size_t count() const
    {
        std::size_t count = 0;
        for (const std::uint64_t word : words_)
            count += static_cast<std::size_t>(std::popcount(word));
        return count;
    }
    void add_bits(std::size_t byte, unsigned char bits)
    {
        if (byte / 8 < words_.size())
            words_[byte / 8] |= std::uint64_t{bits} << (8 * (byte % 8));
    }

private:
    std::vector<std::uint64_t> words_;
};

// `documents` rising, of a segment of `size`.
std::string pack(std::span<const Document> documents, std::size_t size);
void unpack(std::string_view packed, Documents& into);  // what cannot be read is left out
std::vector<Document> unpack(std::string_view packed);

}  // namespace posthouse::search
