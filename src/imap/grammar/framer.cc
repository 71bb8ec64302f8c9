#include "imap/grammar/framer.h"

#include "base/text.h"

#include <limits>

namespace posthouse::imap {

namespace {

struct Literal {
    std::uint64_t size = 0;
    bool synchronising = true;
};

// literal = "{" number64 ["+"] "}" at a line's end. Nothing else ends so: "{" is in no atom, and a
// quoted string ends with its quote.
std::optional<Literal> literal_at_end(std::string_view line)
{
    if (!line.ends_with('}'))
        return std::nullopt;
    line.remove_suffix(1);
    Literal literal;
    if (line.ends_with('+')) {
        literal.synchronising = false;
        line.remove_suffix(1);
    }
    std::size_t digits = 0;
    while (digits < line.size() && is_digit(line[line.size() - 1 - digits]))
        ++digits;
    if (digits == 0 || digits == line.size() || line[line.size() - 1 - digits] != '{')
        return std::nullopt;
    literal.size = parse_number<std::uint64_t>(line.substr(line.size() - digits))
                       .value_or(std::numeric_limits<std::uint64_t>::max());
    return literal;
}

}  // namespace

Framer::Step Framer::next(std::string_view input)
{
    if (input.size() < line_)
        return {};  // inside a literal that was kept
    const std::size_t at = input.find('\n', scanned_);
    const std::size_t seen = at == std::string_view::npos ? input.size() : at + 1;
    if (seen > most_ || (at == std::string_view::npos && seen == most_))
        return {.event = Event::too_long};
    scanned_ = seen;
    if (at == std::string_view::npos)
        return {};
    end_ = seen;
    if (at == line_ || input[at - 1] != '\r')
        return {.event = Event::bare_newline, .text = input.substr(0, at)};
    const std::string_view text = input.substr(0, at - 1);
    const auto literal = literal_at_end(text.substr(line_));
    if (!literal)
        return {.event = Event::command, .text = text};
    literal_size_ = literal->size;
    return {
        .event = Event::literal, .text = text, .literal_size = literal->size, .synchronising = literal->synchronising};
}

void Framer::keep_literal()
{
    line_ = end_ + static_cast<std::size_t>(literal_size_);
    scanned_ = line_;
}

std::size_t Framer::cut()
{
    const std::size_t used = end_;
    *this = Framer(most_);
    return used;
}

}  // namespace posthouse::imap
