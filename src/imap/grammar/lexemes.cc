#include "imap/grammar/lexemes.h"

namespace posthouse::imap {

namespace {

// RFC 3501 section 9: atom-specials are "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials.
constexpr std::string_view atom_specials = "(){ %*\"\\]";

bool is_7bit_graphic(char c) { return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f; }

// quoted = DQUOTE *QUOTED-CHAR DQUOTE: no CR, LF, NUL.
bool is_text_char(char c) { return c != '\r' && c != '\n' && c != '\0'; }

template <class Number> std::optional<Number> digits(Cursor& in)
{
    return parse_number<Number>(in.take_while(is_digit));
}

}  // namespace

bool is_atom_char(char c) { return is_7bit_graphic(c) && atom_specials.find(c) == std::string_view::npos; }

bool is_astring_char(char c) { return is_atom_char(c) || c == ']'; }

bool is_list_char(char c) { return is_astring_char(c) || c == '%' || c == '*'; }

// tag = 1*<any ASTRING-CHAR except "+">
std::optional<std::string_view> tag(Cursor& in)
{
    const std::string_view text = in.take_while([](char c) { return is_astring_char(c) && c != '+'; });
    if (text.empty())
        return std::nullopt;
    return text;
}

std::optional<std::string_view> atom(Cursor& in)
{
    const std::string_view text = in.take_while(is_atom_char);
    if (text.empty())
        return std::nullopt;
    return text;
}

std::optional<std::string> quoted(Cursor& in)
{
    if (!in.take('"'))
        return std::nullopt;
    std::string text;
    for (;;) {
        text += in.take_while([](char c) { return is_text_char(c) && c != '"' && c != '\\'; });
        if (in.take('"'))
            return text;
        if (!in.take('\\') || (in.peek() != '"' && in.peek() != '\\'))
            return std::nullopt;
        text += in.take_bytes(1);
    }
}

// literal = "{" number ["+"] "}" CRLF *CHAR8. The framer has seen to it that all bytes are there.
std::optional<std::string> literal(Cursor& in)
{
    if (!in.take('{'))
        return std::nullopt;
    const auto size = digits<std::uint32_t>(in);
    in.take('+');  // RFC 7888
    if (!size || !in.take('}') || !in.take("\r\n") || in.rest().size() < *size)
        return std::nullopt;
    return std::string(in.take_bytes(*size));
}

std::optional<std::string> string(Cursor& in) { return in.peek() == '"' ? quoted(in) : literal(in); }

std::optional<std::string> astring(Cursor& in)
{
    if (in.peek() == '"' || in.peek() == '{')
        return string(in);
    const std::string_view text = in.take_while(is_astring_char);
    if (text.empty())
        return std::nullopt;
    return std::string(text);
}

std::optional<std::optional<std::string>> nstring(Cursor& in)
{
    if (take_word(in, "NIL"))
        return std::optional<std::string>();
    std::optional<std::string> text = string(in);
    if (!text)
        return std::nullopt;
    return std::optional<std::optional<std::string>>(std::in_place, std::move(*text));
}

std::optional<std::string> list_mailbox(Cursor& in)
{
    if (in.peek() == '"' || in.peek() == '{')
        return string(in);
    const std::string_view text = in.take_while(is_list_char);
    if (text.empty())
        return std::nullopt;
    return std::string(text);
}

std::optional<std::uint32_t> number(Cursor& in) { return digits<std::uint32_t>(in); }

std::optional<std::uint32_t> nz_number(Cursor& in)
{
    if (in.peek() == '0')
        return std::nullopt;
    return digits<std::uint32_t>(in);
}

std::optional<std::uint64_t> number64(Cursor& in)
{
    const auto value = digits<std::uint64_t>(in);
    if (!value || *value > (std::uint64_t{1} << 63) - 1)
        return std::nullopt;
    return value;
}

std::optional<std::string> flag(Cursor& in)
{
    const bool system = in.take('\\');
    const auto name = atom(in);
    if (!name || (system && equals_ignoring_case(*name, "Recent")))
        return std::nullopt;
    return (system ? "\\" : "") + std::string(*name);
}

bool next_is_word(const Cursor& in, std::string_view word)
{
    const std::string_view rest = in.rest();
    return starts_with_ignoring_case(rest, word) && (rest.size() == word.size() || !is_atom_char(rest[word.size()]));
}

bool take_word(Cursor& in, std::string_view word) { return next_is_word(in, word) && in.take(word); }

}  // namespace posthouse::imap
