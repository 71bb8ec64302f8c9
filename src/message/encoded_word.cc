// RFC 2047: text outside ASCII in header fields, to UTF-8.
#include "message/body.h"
#include "message/header.h"
#include "message/lexis.h"

namespace posthouse::message {

namespace {

struct EncodedWord {
    std::string_view charset;
    char encoding = 'q';
    std::string_view text;
    std::size_t end = 0;
};

// encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
// Looks no further than the next three question marks, so scanning a field stays linear.
std::optional<EncodedWord> read_encoded_word(std::string_view field, std::size_t at)
{
    constexpr std::size_t longest_charset = 64;
    const std::size_t charset_begin = at + 2;
    const std::size_t mark = field.substr(charset_begin, longest_charset).find('?');
    if (mark == std::string_view::npos || mark == 0)
        return std::nullopt;
    EncodedWord word;
    word.charset = field.substr(charset_begin, mark);
    word.charset = word.charset.substr(0, word.charset.find('*'));  // RFC 2231 section 5: the language
    if (!lexis::is_token(word.charset))
        return std::nullopt;
    const std::size_t encoding_at = charset_begin + mark + 1;
    if (encoding_at + 1 >= field.size() || field[encoding_at + 1] != '?')
        return std::nullopt;
    word.encoding = ascii_lower(field[encoding_at]);
    if (word.encoding != 'q' && word.encoding != 'b')
        return std::nullopt;
    const std::size_t text_begin = encoding_at + 2;
    const std::size_t text_end = field.find('?', text_begin);
    if (text_end == std::string_view::npos || text_end + 1 >= field.size() || field[text_end + 1] != '=')
        return std::nullopt;
    word.text = field.substr(text_begin, text_end - text_begin);
    word.end = text_end + 2;
    return word;
}

// RFC 2047 section 4.2: `_` is a space, `=XX` a byte.
std::string decode_q(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '=' && i + 2 < text.size() && lexis::hex_value(text[i + 1]) >= 0 &&
            lexis::hex_value(text[i + 2]) >= 0;
        if (escape) {
            out += static_cast<char>(lexis::hex_value(text[i + 1]) * 16 + lexis::hex_value(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '_' ? ' ' : text[i];
        }
    }
    return out;
}

// Words that stand side by side in the same charset are one text: its characters may be split anywhere.
class Joiner {
public:
    void literal(std::string_view text)
    {
        if (text.empty() || (in_words_ && trim(text).empty()))
            return;  // RFC 2047 section 6.2: blanks between two words are not shown
        flush();
        in_words_ = false;
        out_ += to_utf8(text, {});
    }
    void word(const EncodedWord& word)
    {
        if (!equals_ignoring_case(charset_, word.charset))
            flush();
        charset_ = word.charset;
        bytes_ += word.encoding == 'q' ? decode_q(word.text) : decode_transfer(word.text, TransferEncoding::base64);
        in_words_ = true;
    }
    std::string finish()
    {
        flush();
        for (char& c : out_)
            if (c == '\r' || c == '\n' || c == '\0')
                c = ' ';
        return std::move(out_);
    }

private:
    void flush()
    {
        if (!bytes_.empty())
            out_ += to_utf8(bytes_, charset_);
        bytes_.clear();
    }
    std::string out_;
    std::string bytes_;
    std::string_view charset_;
    bool in_words_ = false;
};

}  // namespace

std::string decode_text(std::string_view value)
{
    const std::string text = unfold(value);
    const std::string_view field = text;
    Joiner joiner;
    std::size_t literal_begin = 0;
    for (std::size_t at = field.find("=?"); at != std::string_view::npos;) {
        const auto word = read_encoded_word(field, at);
        if (!word) {
            at = field.find("=?", at + 2);
            continue;
        }
        joiner.literal(field.substr(literal_begin, at - literal_begin));
        joiner.word(*word);
        literal_begin = word->end;
        at = field.find("=?", literal_begin);
    }
    // Blanks behind the last word separate nothing from it: unfold() has trimmed them.
    joiner.literal(field.substr(literal_begin));
    return joiner.finish();
}

}  // namespace posthouse::message
