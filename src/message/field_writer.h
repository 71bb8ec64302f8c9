// Lays out one header field: pieces with a blank between them, folded before a piece that would not fit.
// Private to the room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace posthouse::message {

class FieldWriter {
public:
    explicit FieldWriter(std::string_view name) : out_(name), column_(name.size() + 1) { out_ += ':'; }

    // A blank or a fold, then `text`, which is not broken.
    void piece(std::string_view text);
    // The same with the blanks (at least one) that must stand before it, kept over the fold.
    void piece(std::string_view blanks, std::string_view text);
    std::string finish()
    {
        out_ += "\r\n";
        return std::move(out_);
    }
    std::size_t column() const { return column_; }

private:
    static constexpr std::size_t line_length = 78;  // RFC 5322 section 2.1.1
    std::string out_;
    std::size_t column_;
    bool has_piece_ = false;
};

// RFC 2047: UTF-8 as encoded-words of at most 75 characters, no character split; Q or B, whichever is shorter. Fit for
// unstructured text and for phrases. `column`: where the first one would begin.
std::vector<std::string> encoded_words(std::string_view text, std::size_t column);

}  // namespace posthouse::message
