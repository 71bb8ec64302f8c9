// `value; name=value; name*0*=…`: RFC 2045 section 5.1, RFC 2183, RFC 2231.
#include "message/body.h"
#include "message/header.h"
#include "message/lexis.h"

#include <algorithm>

namespace posthouse::message {

namespace {

using lexis::skip_cfws;

// The value in front of the parameters; blanks and comments in it vanish ("text / plain").
std::size_t read_value(std::string_view text, std::string& out)
{
    std::size_t at = skip_cfws(text, 0);
    while (at < text.size() && text[at] != ';') {
        // Where a blank is followed by anything but '/', a ';' has been forgotten: "text/plain charset=…".
        if (!out.empty() && out.back() != '/' && text[at] != '/' && at > 0 &&
            (lexis::is_blank(text[at - 1]) || text[at - 1] == ')'))
            break;
        while (at < text.size() && text[at] != ';' && text[at] != '(' && !lexis::is_blank(text[at]))
            out += ascii_lower(text[at++]);
        at = skip_cfws(text, at);
    }
    return at;
}

bool is_file_name(std::string_view name) { return name == "name" || name == "filename"; }

// Behind '='. File names without quotes often hold blanks: they go on to the ';'.
std::size_t read_parameter_value(std::string_view text, std::size_t at, Parameter& parameter)
{
    at = skip_cfws(text, at);
    if (at < text.size() && text[at] == '"') {
        const std::size_t end = lexis::read_quoted_string(text, at, parameter.value);
        return std::min(end, text.size());
    }
    std::size_t end = at;
    const bool to_semicolon = is_file_name(parameter.name);
    while (end < text.size() && text[end] != ';' && (to_semicolon || !lexis::is_blank(text[end])))
        ++end;
    for (const char c : text.substr(at, end - at))
        if (c != '\r' && c != '\n' && c != '\0')
            parameter.value += c;
    while (!parameter.value.empty() && lexis::is_blank(parameter.value.back()))
        parameter.value.pop_back();
    return end;
}

std::string percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && lexis::hex_value(text[i + 1]) >= 0 &&
            lexis::hex_value(text[i + 2]) >= 0;
        out += escape ? static_cast<char>(lexis::hex_value(text[i + 1]) * 16 + lexis::hex_value(text[i + 2])) : text[i];
        i += escape ? 2 : 0;
    }
    return out;
}

// One of `name*`, `name*0`, `name*0*` (RFC 2231 section 3 and 4).
struct Piece {
    unsigned index = 0;
    bool extended = false;
    std::string_view value;
};

std::optional<Piece> piece_of(const Parameter& parameter, std::string_view name)
{
    std::string_view rest = parameter.name;
    if (!starts_with_ignoring_case(rest, name))
        return std::nullopt;
    rest.remove_prefix(name.size());
    if (rest.empty() || rest.front() != '*')
        return std::nullopt;
    rest.remove_prefix(1);
    Piece piece{.index = 0, .extended = rest.empty(), .value = parameter.value};
    if (piece.extended)
        return piece;
    if (rest.back() == '*') {
        piece.extended = true;
        rest.remove_suffix(1);
    }
    const auto index = parse_number<unsigned>(rest);
    if (!index)
        return std::nullopt;
    piece.index = *index;
    return piece;
}

std::string joined(std::vector<Piece> pieces)
{
    std::ranges::sort(pieces, {}, &Piece::index);
    std::string charset;
    std::string bytes;
    bool extended = false;
    for (unsigned expected = 0; const Piece& piece : pieces) {
        if (piece.index < expected)
            continue;  // said twice: the first counts
        if (piece.index > expected)
            break;
        ++expected;
        std::string_view value = piece.value;
        if (piece.index == 0 && piece.extended) {  // charset'language'text
            const std::size_t first = value.find('\'');
            const std::size_t second = first == std::string_view::npos ? first : value.find('\'', first + 1);
            if (second != std::string_view::npos) {
                charset = value.substr(0, first);
                value.remove_prefix(second + 1);
            }
        }
        bytes += piece.extended ? percent_decoded(value) : std::string(value);
        extended = extended || piece.extended;
    }
    return extended ? to_utf8(bytes, charset) : decode_text(bytes);
}

}  // namespace

ParameterizedValue parse_parameterized(std::string_view value, std::size_t most)
{
    ParameterizedValue result;
    std::size_t at = read_value(value, result.value);
    while (result.parameters.size() < most) {
        while (at < value.size() && (value[at] == ';' || lexis::is_blank(value[at]) || value[at] == '('))
            at = value[at] == ';' ? at + 1 : skip_cfws(value, at);
        if (at >= value.size())
            break;
        Parameter parameter;
        while (at < value.size() && value[at] != '=' && value[at] != ';' && !lexis::is_blank(value[at]))
            parameter.name += ascii_lower(value[at++]);
        at = skip_cfws(value, at);
        if (at >= value.size() || value[at] != '=')
            continue;  // a word without a value
        at = read_parameter_value(value, at + 1, parameter);
        if (!parameter.name.empty())
            result.parameters.push_back(std::move(parameter));
    }
    return result;
}

std::optional<std::string> parameter(std::span<const Parameter> parameters, std::string_view name)
{
    const Parameter* plain = nullptr;
    std::vector<Piece> pieces;
    for (const Parameter& candidate : parameters) {
        if (!plain && equals_ignoring_case(candidate.name, name))
            plain = &candidate;
        else if (const auto piece = piece_of(candidate, name))
            pieces.push_back(*piece);
    }
    // RFC 2231 forms win over the plain one that stands beside them for old readers.
    if (std::ranges::any_of(pieces, [](const Piece& piece) { return piece.index == 0; }))
        return joined(std::move(pieces));
    if (plain)
        return decode_text(plain->value);
    return std::nullopt;
}

}  // namespace posthouse::message
