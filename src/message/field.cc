// Single header fields, encoded and folded.
#include "message/a_labels.h"
#include "message/builder.h"
#include "message/field_writer.h"
#include "message/lexis.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace posthouse::message {

void FieldWriter::piece(std::string_view text) { piece(" ", text); }

void FieldWriter::piece(std::string_view blanks, std::string_view text)
{
    // The first piece stays beside the name unless only a line of its own can hold it.
    const bool fits = column_ + blanks.size() + text.size() <= line_length;
    if (!fits && (has_piece_ || text.size() + 1 <= line_length)) {
        out_ += "\r\n";
        column_ = 0;
    }
    out_ += blanks;
    out_ += text;
    column_ += blanks.size() + text.size();
    has_piece_ = true;
}

namespace {

// RFC 2047 section 5 (3): what stands for itself in a phrase, and so everywhere.
bool stands_in_q(char c) { return is_alnum(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/'; }

std::size_t size_in_q(std::string_view text)
{
    std::size_t size = 0;
    for (const char c : text)
        size += stands_in_q(c) || c == ' ' ? 1 : 3;
    return size;
}

std::string to_q(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (stands_in_q(c)) {
            out += c;
        } else if (c == ' ') {
            out += '_';
        } else {
            out += '=';
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        }
    }
    return out;
}

// Of valid UTF-8.
std::size_t character_size(char first)
{
    const auto byte = static_cast<unsigned char>(first);
    return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

bool is_field_name(std::string_view name)
{
    return !name.empty() && name.size() <= 70 &&
        std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

std::optional<Error> fault_of(std::string_view name, std::string_view value)
{
    if (!is_field_name(name))
        return Error{ErrorCode::malformed, fmt::format("{} is not the name of a header field", lexis::shown(name))};
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
        return Error{ErrorCode::malformed, fmt::format("{} must not hold line ends or NUL", name)};
    if (!is_valid_utf8(value))
        return Error{ErrorCode::malformed, fmt::format("{} is not UTF-8", name)};
    return std::nullopt;
}

bool is_printable_ascii(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
}

// May it stand as it is and be read back as the same? Words must fit a line (RFC 5322 section 2.1.1: 998).
bool stands_for_itself(std::string_view text)
{
    constexpr std::size_t longest_word = 900;
    if (!is_printable_ascii(text) || text.starts_with(' ') || text.ends_with(' ') ||
        text.find("=?") != std::string_view::npos)
        return false;
    return std::ranges::all_of(split(text, ' '), [](std::string_view word) { return word.size() <= longest_word; });
}

// Words with exactly the blanks that stood between them.
void write_words(FieldWriter& writer, std::string_view text)
{
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t word = std::min(text.find_first_not_of(" \t", at), text.size());
        const std::size_t end = std::min(text.find_first_of(" \t", word), text.size());
        const std::string_view blanks = text.substr(at, word - at);
        writer.piece(blanks.empty() ? " " : blanks, text.substr(word, end - word));
        at = end;
    }
}

Result<std::string> wire_text(const AddrSpec& spec)
{
    auto domain = in_a_labels(spec.domain);
    if (!domain)
        return fail(domain.error());
    const AddrSpec wire{spec.local_part, std::move(*domain)};
    const std::string text = wire.text();
    const auto parsed = parse_addr_spec(text);
    if (!parsed)
        return fail(parsed.error());
    if (*parsed != wire)
        return fail(ErrorCode::malformed, fmt::format("{} is not an address", lexis::shown(text)));
    return text;
}

// phrase: atoms and a quoted string stay readable where they are short; all else becomes encoded-words.
std::vector<std::string> phrase(std::string_view name, std::size_t column)
{
    constexpr std::size_t longest_plain = 60;
    if (is_printable_ascii(name) && name.size() <= longest_plain && name.find("=?") == std::string_view::npos &&
        !name.starts_with(' ') && !name.ends_with(' ')) {
        Address plain;
        plain.kind = Address::Kind::group_start;
        plain.display_name = name;
        std::string text = plain.text();
        text.pop_back();  // the colon
        return {std::move(text)};
    }
    return encoded_words(name, column);
}

// Writes an address list; the ',' belongs to the piece before it.
class AddressListWriter {
public:
    explicit AddressListWriter(FieldWriter& writer) : writer_(writer) { }

    Result<void> add(const Address& address, bool comma)
    {
        const std::string_view end = comma ? "," : "";
        std::vector<std::string> pieces;
        if (!address.display_name.empty())
            pieces = phrase(address.display_name, writer_.column() + 1);
        if (address.kind == Address::Kind::group_start) {
            if (pieces.empty())
                return fail(ErrorCode::malformed, "a group of addresses needs a name");
            pieces.back() += ':';
        } else if (address.kind == Address::Kind::group_end) {
            pieces = {fmt::format(";{}", end)};
        } else {
            const auto spec = wire_text(address.spec);
            if (!spec)
                return fail(spec.error());
            pieces.push_back(pieces.empty() ? fmt::format("{}{}", *spec, end) : fmt::format("<{}>{}", *spec, end));
        }
        for (const std::string& piece : pieces)
            writer_.piece(piece);
        return {};
    }

private:
    FieldWriter& writer_;
};

void append_percent(std::string& out, char c) { out += fmt::format("%{:02X}", static_cast<unsigned char>(c)); }

// RFC 2231 section 4: attribute-char.
bool is_attribute_char(char c)
{
    return c > ' ' && c < 0x7f && std::string_view("()<>@,;:\\\"/[]?=*'%").find(c) == std::string_view::npos;
}

// RFC 2231 section 4.1: `name*0*=utf-8''…; name*1*=…`, or `name*=utf-8''…` where it fits one piece.
std::vector<std::string> extended_parameter(std::string_view name, std::string_view value)
{
    constexpr std::size_t piece_length = 55;
    std::vector<std::string> values(1, "utf-8''");
    for (std::size_t at = 0; at < value.size();) {
        std::string character;
        for (const char c : value.substr(at, character_size(value[at])))
            is_attribute_char(c) ? void(character += c) : append_percent(character, c);
        at += character_size(value[at]);
        if (values.back().size() + character.size() > piece_length)
            values.emplace_back();
        values.back() += character;
    }
    if (values.size() == 1)
        return {fmt::format("{}*={}", name, values[0])};
    std::vector<std::string> pieces;
    for (std::size_t i = 0; i < values.size(); ++i)
        pieces.push_back(fmt::format("{}*{}*={}", name, i, values[i]));
    return pieces;
}

std::vector<std::string> parameter_pieces(const Parameter& parameter)
{
    constexpr std::size_t longest_plain = 60;
    const std::string_view value = parameter.value;
    const bool plain = is_printable_ascii(value) && value.size() <= longest_plain &&
        value.find("=?") == std::string_view::npos && !value.starts_with(' ') && !value.ends_with(' ');
    if (!plain)
        return extended_parameter(parameter.name, value);
    return {fmt::format("{}={}", parameter.name, lexis::is_token(value) ? std::string(value) : quoted_string(value))};
}

}  // namespace

std::vector<std::string> encoded_words(std::string_view text, std::size_t column)
{
    constexpr std::string_view q_begin = "=?utf-8?Q?";
    constexpr std::string_view b_begin = "=?utf-8?B?";
    constexpr std::size_t line_length = 76;  // RFC 2047 section 2
    constexpr std::size_t frame = q_begin.size() + 2;
    constexpr std::size_t least_room = 16;  // below it, the first word goes on a line of its own
    const bool q = size_in_q(text) <= (text.size() + 2) / 3 * 4;
    std::size_t room = line_length - 1 - frame;
    if (column + frame + least_room <= line_length)
        room = std::min(room, line_length - frame - column);
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size()) {
            const std::size_t next = std::min(end + character_size(text[end]), text.size());
            const std::string_view candidate = text.substr(at, next - at);
            if ((q ? size_in_q(candidate) : (candidate.size() + 2) / 3 * 4) > room)
                break;
            end = next;
        }
        const std::string_view chunk = text.substr(at, end - at);
        words.push_back(q ? fmt::format("{}{}?=", q_begin, to_q(chunk))
                          : fmt::format("{}{}?=", b_begin, base64_encode(chunk)));
        at = end;
        room = line_length - 1 - frame;
    }
    return words;
}

Result<std::string> unstructured_field(std::string_view name, std::string_view value)
{
    if (auto fault = fault_of(name, value))
        return fail(std::move(*fault));
    FieldWriter writer(name);
    if (value.empty())
        writer.piece("");
    else if (stands_for_itself(value))
        write_words(writer, value);
    else
        for (const std::string& word : encoded_words(value, name.size() + 2))
            writer.piece(word);
    return writer.finish();
}

Result<std::string> raw_field(std::string_view name, std::string_view value)
{
    if (auto fault = fault_of(name, value))
        return fail(std::move(*fault));
    if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; }))
        return fail(ErrorCode::malformed, fmt::format("{} must not hold control characters", name));
    FieldWriter writer(name);
    write_words(writer, trim(value));
    return writer.finish();
}

Result<std::string> address_field(std::string_view name, const std::vector<Address>& addresses)
{
    FieldWriter writer(name);
    AddressListWriter list(writer);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const Address& address = addresses[i];
        if (auto fault = fault_of(name, address.display_name))
            return fail(std::move(*fault));
        const bool comma = i + 1 < addresses.size() && addresses[i + 1].kind != Address::Kind::group_end;
        if (auto added = list.add(address, comma); !added)
            return fail(ErrorCode::malformed, fmt::format("{}: {}", name, added.error().text));
    }
    if (auto fault = fault_of(name, ""))
        return fail(std::move(*fault));
    return writer.finish();
}

Result<std::string> message_id_field(std::string_view name, const std::vector<std::string>& ids)
{
    if (auto fault = fault_of(name, ""))
        return fail(std::move(*fault));
    constexpr std::size_t longest = 900;
    FieldWriter writer(name);
    for (const std::string& id : ids) {
        const bool fits =
            !id.empty() && id.size() <= longest && is_valid_utf8(id) && std::ranges::none_of(id, [](char c) {
                return c == '<' || c == '>' || c == ' ' || c == '(' || c == ')' || is_control(c);
            });
        if (!fits)
            return fail(ErrorCode::malformed, fmt::format("{}: {} is not a message id", name, lexis::shown(id)));
        writer.piece("<" + id + ">");
    }
    return writer.finish();
}

Result<std::string> parameterized_field(std::string_view name, std::string_view value,
                                        const std::vector<Parameter>& parameters)
{
    if (auto fault = fault_of(name, value))
        return fail(std::move(*fault));
    const bool value_fits = std::ranges::all_of(split(value, '/'), [](auto word) { return lexis::is_token(word); });
    if (!value_fits)
        return fail(ErrorCode::malformed, fmt::format("{}: {} is not a token", name, lexis::shown(value)));
    std::vector<std::string> pieces{std::string(value)};
    for (const Parameter& parameter : parameters) {
        if (auto fault = fault_of(name, parameter.value))
            return fail(std::move(*fault));
        const bool name_fits = lexis::is_token(parameter.name) && parameter.name.size() <= 40 &&
            parameter.name.find_first_of("*'%") == std::string::npos && is_ascii(parameter.name);
        if (!name_fits)
            return fail(ErrorCode::malformed, fmt::format("{}: {} is not a token", name, lexis::shown(parameter.name)));
        for (std::string& piece : parameter_pieces(parameter)) {
            pieces.back() += ';';
            pieces.push_back(std::move(piece));
        }
    }
    FieldWriter writer(name);
    for (const std::string& piece : pieces)
        writer.piece(piece);
    return writer.finish();
}

}  // namespace posthouse::message
