// The first words of a message (RFC 8970), gathered while it is parsed. Private to the room.
//
// Keeps the beginning of the first text/plain that has something to say, and of the first text/html in case there
// is none: at most `most_plain` and `most_html` bytes. Nothing of attachments.
#pragma once

#include "message/digest.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthouse::message {

class Preview {
public:
    // A leaf's header has been read; its body begins.
    void begin(const Part& part);
    // Called with every piece, once what it holds has been parsed.
    void keep(std::string_view piece, std::uint64_t piece_begin);
    // The part's end is known; what was kept behind it is dropped.
    void end(const Part& part, std::string_view piece, std::uint64_t piece_begin);
    std::string finish() const;

private:
    static constexpr std::size_t most_plain = 4 * 1024;
    static constexpr std::size_t most_html = 32 * 1024;

    struct Text {
        Part part;  // how to decode it
        std::string raw;
        bool has_words() const;
    };
    Text plain_;
    Text html_;
    Text* current_ = nullptr;
    std::size_t most_ = 0;  // of the current one
};

// Up to 200 characters of `text` (UTF-8): blanks collapsed, what cannot be seen left out, quoted lines left out
// unless there are no others.
std::string preview_of(std::string_view text);

}  // namespace posthouse::message
