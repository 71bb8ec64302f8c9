// The text of a text part, for people.
#include "message/body.h"

#include "base/text.h"

#include <algorithm>

namespace posthouse::message {

namespace {

// CRLF and bare CR become LF; NUL goes.
std::string with_plain_line_ends(std::string text)
{
    if (text.find_first_of(std::string_view("\r\0", 2)) == std::string::npos)
        return text;
    std::size_t to = 0;
    for (std::size_t from = 0; from < text.size(); ++from) {
        const char c = text[from];
        if (c == '\0' || (c == '\r' && from + 1 < text.size() && text[from + 1] == '\n'))
            continue;
        text[to++] = c == '\r' ? '\n' : c;
    }
    text.resize(to);
    return text;
}

struct FlowedLine {
    std::size_t quotes = 0;
    std::string_view text;
    bool soft = false;  // goes on in the next line
};

// RFC 3676 section 4.1 to 4.5
FlowedLine read_flowed_line(std::string_view line, bool delete_space)
{
    FlowedLine read;
    while (read.quotes < line.size() && line[read.quotes] == '>')
        ++read.quotes;
    read.text = line.substr(read.quotes);
    if (read.text.starts_with(' '))
        read.text.remove_prefix(1);  // space-stuffing
    const bool signature = read.text == "-- ";
    read.soft = !signature && read.text.ends_with(' ');
    if (read.soft && delete_space)
        read.text.remove_suffix(1);
    return read;
}

}  // namespace

std::string unflow(std::string_view text, bool delete_space)
{
    constexpr std::size_t most_quotes = 50;  // shown; deeper ones would only fill the screen
    std::string out;
    out.reserve(text.size());
    bool joins = false;
    std::size_t quotes = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        at = end + 1;
        const FlowedLine read = read_flowed_line(line, delete_space);
        const bool goes_on = joins && read.quotes == quotes && read.text != "-- ";
        if (!goes_on) {
            if (joins)
                out += '\n';  // a soft line end before another depth is a hard one
            for (std::size_t i = 0; i < std::min(read.quotes, most_quotes); ++i)
                out += i + 1 == read.quotes || i + 1 == most_quotes ? "> " : ">";
        }
        out += read.text;
        quotes = read.quotes;
        joins = read.soft;
        if (!joins && (end < text.size()))
            out += '\n';
    }
    if (joins)
        out += '\n';
    return out;
}

std::string decode_body(const Part& part, std::string_view raw)
{
    const TransferEncoding encoding = transfer_encoding(part.encoding);
    const std::string charset = part.charset();
    std::string text =
        with_plain_line_ends(encoding == TransferEncoding::identity ? to_utf8(raw, charset)
                                                                    : to_utf8(decode_transfer(raw, encoding), charset));
    const auto format = part.subtype == "plain" ? parameter(part.parameters, "format") : std::nullopt;
    if (!format || !equals_ignoring_case(*format, "flowed"))
        return text;
    return unflow(text, equals_ignoring_case(parameter(part.parameters, "delsp").value_or(""), "yes"));
}

std::string readable_text(const Part& part, std::string_view raw)
{
    if (!part.is_text())
        return {};
    std::string text = decode_body(part, raw);
    return part.subtype == "html" ? html_to_text(text) : text;
}

}  // namespace posthouse::message
