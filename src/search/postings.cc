#include "search/postings.h"

namespace posthouse::search {

namespace {

// varint: how many documents, twice; the lowest bit says how they follow
constexpr std::uint64_t as_bits = 1;

template <class Add, class AddBits> void each(std::string_view packed, Add add, AddBits add_bits)
{
    Reader in(packed);
    const std::uint64_t head = in.varint();
    if (head & as_bits) {
        const std::string_view bytes = in.rest();
        for (std::size_t i = 0; i < bytes.size(); ++i)
            if (bytes[i] != 0)
                add_bits(i, static_cast<unsigned char>(bytes[i]));
        return;
    }
    std::uint64_t document = 0;
    for (std::uint64_t left = head >> 1; left > 0 && in.ok(); --left) {
        document += in.varint();
        if (!in.ok() || document >= most_documents)
            return;
        add(static_cast<Document>(document));
        ++document;
    }
}

}  // namespace

std::string pack(std::span<const Document> documents, std::size_t size)
{
    Writer writer;
    if (documents.size() * 8 > size) {
        writer.varint(documents.size() << 1 | as_bits);
        std::string bits((size + 7) / 8, '\0');
        for (const Document document : documents)
            bits[document / 8] = static_cast<char>(bits[document / 8] | 1 << (document % 8));
        return writer.raw(bits).take();
    }
    writer.varint(documents.size() << 1);
    Document next = 0;
    for (const Document document : documents) {
        writer.varint(document - next);
        next = document + 1;
    }
    return writer.take();
}

void unpack(std::string_view packed, Documents& into)
{
    each(
        packed, [&into](Document document) { into.add(document); },
        [&into](std::size_t byte, unsigned char bits) { into.add_bits(byte, bits); });
}

std::vector<Document> unpack(std::string_view packed)
{
    std::vector<Document> documents;
    each(
        packed, [&documents](Document document) { documents.push_back(document); },
        [&documents](std::size_t byte, unsigned char bits) {
            for (unsigned bit = 0; bit < 8; ++bit)
                if ((bits >> bit) & 1 && byte * 8 + bit < most_documents)
                    documents.push_back(static_cast<Document>(byte * 8 + bit));
        });
    return documents;
}

}  // namespace posthouse::search
