#include "message/preview.h"

#include "message/body.h"

#include <algorithm>

#include <unicode/utf8.h>

namespace posthouse::message {

namespace {

constexpr std::size_t most_characters = 200;  // RFC 8970 section 3.2

// Senders fill the preview's place with these so that nothing else shows.
bool is_invisible(UChar32 c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x34f || c == 0x61c ||
        (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
        c == 0xfffd;
}

bool is_space(UChar32 c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x3000;
}

// Appends a line's characters to the preview. False: it is full.
class Collector {
public:
    bool add(std::string_view line)
    {
        gap_ = !out_.empty();
        out_.reserve(most_characters + 56);
        const auto* text = reinterpret_cast<const std::uint8_t*>(line.data());
        for (std::size_t at = 0; at < line.size();) {
            const std::size_t begin = at;
            while (at < line.size() && line[at] > ' ' && line[at] < 0x7f)
                ++at;
            if (at > begin) {
                if (!append(line.substr(begin, at - begin), at - begin))
                    return false;
                continue;
            }
            UChar32 c = 0;
            U8_NEXT_OR_FFFD(text, at, line.size(), c);
            if (is_space(c))
                gap_ = !out_.empty();
            else if (!is_invisible(c) && !append(line.substr(begin, at - begin), 1))
                return false;
        }
        return characters_ < most_characters;
    }
    std::string take() { return std::move(out_); }

private:
    // A word in ASCII, or one character. False: it does not fit whole, what fits is taken.
    bool append(std::string_view text, std::size_t characters)
    {
        const std::size_t gap = gap_ ? 1 : 0;
        const std::size_t room = most_characters - characters_;
        if (room <= gap)
            return false;
        if (gap_)
            out_ += ' ';
        gap_ = false;
        const std::size_t taken = std::min(characters, room - gap);
        out_ += text.substr(0, taken == characters ? text.size() : taken);
        characters_ += gap + taken;
        return taken == characters;
    }

    std::string out_;
    std::size_t characters_ = 0;
    bool gap_ = false;
};

enum class Quotes : std::uint8_t { leave_out, take };

std::string collect(std::string_view text, Quotes quotes)
{
    Collector collector;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        at = end + 1;
        if (line == "-- " || (quotes == Quotes::leave_out && line.starts_with('>')))
            continue;
        if (!collector.add(line))
            break;
    }
    return collector.take();
}

}  // namespace

std::string preview_of(std::string_view text)
{
    std::string preview = collect(text, Quotes::leave_out);
    return preview.empty() ? collect(text, Quotes::take) : preview;
}

bool Preview::Text::has_words() const
{
    return std::ranges::any_of(raw, [](char c) { return static_cast<unsigned char>(c) > ' '; });
}

void Preview::begin(const Part& part)
{
    if (!part.is_text() || part.disposition == "attachment" || plain_.has_words())
        return;
    if (part.subtype == "plain") {
        current_ = &plain_;
        most_ = most_plain;
    } else if (part.subtype == "html" && !html_.has_words()) {
        current_ = &html_;
        most_ = most_html;
    } else {
        return;
    }
    current_->part = part;
    current_->raw.clear();
}

void Preview::keep(std::string_view piece, std::uint64_t piece_begin)
{
    if (!current_)
        return;
    const std::uint64_t held = current_->part.body_begin + current_->raw.size();
    if (held >= piece_begin && held - piece_begin < piece.size())
        current_->raw += piece.substr(held - piece_begin, most_ - current_->raw.size());
}

void Preview::end(const Part& part, std::string_view piece, std::uint64_t piece_begin)
{
    if (!current_ || current_->part.body_begin != part.body_begin || !part.is_text())
        return;
    keep(piece, piece_begin);
    if (current_->raw.size() > part.body_size())
        current_->raw.resize(part.body_size());
    current_ = nullptr;
}

std::string Preview::finish() const
{
    constexpr std::size_t enough_text = 4000;  // bytes, of which 200 characters are taken
    std::string preview;
    for (const Text* text : {&plain_, &html_}) {
        // Most texts show their 200 characters early: more is decoded only where less did not do.
        for (std::size_t size = text == &plain_ ? 512 : 2048; preview.size() < most_characters; size *= 4) {
            const std::string body = decode_body(text->part, std::string_view(text->raw).substr(0, size));
            preview = preview_of(text == &html_ ? html_to_text(body, enough_text) : body);
            if (size >= text->raw.size())
                break;
        }
        if (!preview.empty())
            break;
    }
    return preview;
}

}  // namespace posthouse::message
