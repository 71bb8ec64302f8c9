#include "message/header.h"

#include "message/lexis.h"

#include <algorithm>
#include <cstring>

namespace posthouse::message {

namespace {

// Index behind the line that holds `at`: behind its LF, or the end.
std::size_t next_line(std::string_view text, std::size_t at)
{
    const void* end = std::memchr(text.data() + at, '\n', text.size() - at);
    return end ? static_cast<std::size_t>(static_cast<const char*>(end) - text.data()) + 1 : text.size();
}

std::string_view without_line_end(std::string_view line)
{
    if (!line.empty() && line.back() == '\n')
        line.remove_suffix(1);
    if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
    return line;
}

// RFC 5322 section 3.6.8: printable US-ASCII but the colon; the obsolete syntax has blanks before the colon.
// The name's size; `colon` is where that stands. 0: the line is no field.
std::size_t field_name_size(std::string_view line, std::size_t& colon)
{
    std::size_t size = 0;
    while (size < line.size() && line[size] > ' ' && line[size] < 0x7f && line[size] != ':')
        ++size;
    for (colon = size; colon < line.size() && (line[colon] == ' ' || line[colon] == '\t');)
        ++colon;
    return colon < line.size() && line[colon] == ':' ? size : 0;
}

}  // namespace

bool Field::is(std::string_view other) const { return equals_ignoring_case(name, other); }

std::string Field::text() const { return unfold(value); }

std::optional<Field> HeaderReader::next()
{
    while (!ended_ && at_ < text_.size()) {
        const std::size_t begin = at_;
        at_ = next_line(text_, at_);
        const std::string_view line = without_line_end(text_.substr(begin, at_ - begin));
        if (line.empty()) {
            ended_ = saw_empty_line_ = true;
            return std::nullopt;
        }
        std::size_t colon = 0;
        const std::size_t name_size = field_name_size(line, colon);
        if (name_size == 0) {
            ++garbage_lines_;
            continue;
        }
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
            at_ = next_line(text_, at_);
        const std::size_t value_begin = begin + colon + 1;
        const std::string_view value = without_line_end(text_.substr(value_begin, at_ - value_begin));
        return Field{.name = line.substr(0, name_size), .value = value, .begin = begin, .end = at_};
    }
    ended_ = true;
    return std::nullopt;
}

std::optional<Field> find_field(std::string_view header, std::string_view name)
{
    HeaderReader reader(header);
    while (auto field = reader.next())
        if (field->is(name))
            return field;
    return std::nullopt;
}

std::vector<Field> find_fields(std::string_view header, std::string_view name)
{
    std::vector<Field> found;
    HeaderReader reader(header);
    while (const auto field = reader.next())
        if (field->is(name))
            found.push_back(*field);
    return found;
}

std::string unfold(std::string_view value)
{
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; };
    while (!value.empty() && blank(value.front()))
        value.remove_prefix(1);
    while (!value.empty() && blank(value.back()))
        value.remove_suffix(1);
    std::string out;
    out.reserve(value.size());
    for (std::size_t i = 0; i < value.size();) {
        const std::size_t run = std::min(value.find_first_of(std::string_view("\r\n\0", 3), i), value.size());
        out.append(value, i, run - i);
        i = run;
        if (i == value.size())
            break;
        const std::size_t behind = value[i] == '\r' && i + 1 < value.size() && value[i + 1] == '\n' ? i + 2 : i + 1;
        const bool fold =
            value[behind - 1] == '\n' && behind < value.size() && (value[behind] == ' ' || value[behind] == '\t');
        if (!fold)
            out += ' ';
        i = behind;
    }
    return out;
}

std::vector<std::string> parse_message_ids(std::string_view value, std::size_t most)
{
    // Found first as views, so that of 100,000 only `most` become strings.
    std::vector<std::string_view> found;
    for (std::size_t at = 0; (at = lexis::skip_cfws(value, at)) < value.size();) {
        std::size_t end = at + 1;
        if (value[at] == '"') {
            std::string phrase;  // RFC 822 allowed phrases in In-Reply-To
            at = std::min(lexis::read_quoted_string(value, at, phrase), value.size());
            continue;
        }
        if (value[at] != '<') {  // a phrase, or an id whose brackets were forgotten
            while (end < value.size() && !lexis::is_blank(value[end]) && value[end] != '<' && value[end] != ',')
                ++end;
            const std::string_view word = value.substr(at, end - at);
            if (word.find('@') != std::string_view::npos)
                found.push_back(word);
            at = end;
            continue;
        }
        while (end < value.size() && value[end] != '>' && value[end] != '<')
            ++end;
        if (end < value.size() && value[end] == '>' && end > at + 1)
            found.push_back(value.substr(at + 1, end - at - 1));
        at = end < value.size() && value[end] == '>' ? end + 1 : end;
    }
    if (found.size() > most)
        found.erase(found.begin() + 1, found.end() - static_cast<std::ptrdiff_t>(std::max<std::size_t>(most, 1) - 1));
    std::vector<std::string> ids;
    ids.reserve(found.size());
    for (const std::string_view raw : found) {
        std::string id;
        for (const char c : raw)
            if (!lexis::is_blank(c))
                id += c;
        if (!id.empty() && id.size() <= 998)  // RFC 5322 section 2.1.1: no line is longer
            ids.push_back(std::move(id));
    }
    return ids;
}

}  // namespace posthouse::message
