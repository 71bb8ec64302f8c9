// A segment in the making, in memory: messages go in one after another, their texts folded. Threads: one.
#pragma once

#include "search/segment.h"

#include <unordered_map>

namespace posthouse::search {

struct FieldText {
    Field field;
    std::string text;  // folded
};

class SegmentBuilder {
public:
    static constexpr std::size_t most_runs = 300'000;  // of one message

    void add(Id email, std::span<const FieldText> texts);
    void add_opaque(Id email);  // a message that cannot be read
    std::size_t size() const { return emails_.size(); }
    std::size_t bytes() const { return bytes_; }  // what it takes, about
    bool full() const { return size() >= 2048 || bytes_ >= 64 * 1024 * 1024; }
    PackedSegment finish();

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    };

    void add_term(Document document);

    std::vector<Id> emails_;
    std::vector<Document> opaque_;
    std::unordered_map<std::string, std::vector<Document>, Hash, std::equal_to<>> terms_;
    std::string term_;  // with its field's byte; kept for its memory
    std::size_t bytes_ = 0;
};

}  // namespace posthouse::search
