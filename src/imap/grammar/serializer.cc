#include "imap/grammar/serializer.h"

#include "base/text.h"
#include "imap/grammar/date.h"
#include "imap/grammar/lexemes.h"
#include "imap/grammar/utf7.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

// Above this a copy costs more than another piece in the gathering write.
constexpr std::size_t worth_a_piece = 4096;
constexpr std::size_t longest_quoted = 1000;

// What a byte does to a string that wants to be quoted. A table: ENVELOPE is thousands of strings a second.
enum class Quoting : std::uint8_t { plain, escaped, impossible };
constexpr auto quoting = [] {
    std::array<Quoting, 256> table{};
    for (std::size_t byte = 0x80; byte < 256; ++byte)
        table[byte] = Quoting::impossible;
    table['\r'] = table['\n'] = table['\0'] = Quoting::impossible;
    table['"'] = table['\\'] = Quoting::escaped;
    return table;
}();

// The worst of its bytes.
Quoting quoting_of(std::string_view text)
{
    if (text.size() > longest_quoted)
        return Quoting::impossible;
    Quoting worst = Quoting::plain;
    for (const char c : text)
        worst = std::max(worst, quoting[static_cast<unsigned char>(c)]);
    return worst;
}

bool is_quotable_utf8(std::string_view text)
{
    return text.size() <= longest_quoted && text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos &&
        is_valid_utf8(text);
}

std::string_view text_name(Section::Text text)
{
    switch (text) {
    case Section::Text::all: return "";
    case Section::Text::header: return "HEADER";
    case Section::Text::header_fields: return "HEADER.FIELDS";
    case Section::Text::header_fields_not: return "HEADER.FIELDS.NOT";
    case Section::Text::text: return "TEXT";
    case Section::Text::mime: return "MIME";
    }
    return "";
}

}  // namespace

Serializer& Serializer::string(std::string_view text)
{
    Quoting how = quoting_of(text);
    if (how == Quoting::impossible && names_ == NameEncoding::utf8 && is_quotable_utf8(text))
        how = Quoting::escaped;
    if (how == Quoting::impossible)
        return literal(std::string(text));
    tail_ += '"';
    if (how == Quoting::plain) {
        tail_ += text;
    } else {
        for (const char c : text) {
            if (quoting[static_cast<unsigned char>(c)] == Quoting::escaped)
                tail_ += '\\';
            tail_ += c;
        }
    }
    tail_ += '"';
    return *this;
}

Serializer& Serializer::nstring(std::optional<std::string_view> text) { return text ? string(*text) : nil(); }

Serializer& Serializer::astring(std::string_view text)
{
    if (text.empty() || equals_ignoring_case(text, "NIL") || !std::ranges::all_of(text, is_astring_char))
        return string(text);
    return raw(text);
}

Serializer& Serializer::literal_head(std::uint64_t size)
{
    tail_ += '{';
    number(size);
    tail_ += style_ == LiteralStyle::non_synchronising ? "+}\r\n" : "}\r\n";
    if (style_ == LiteralStyle::synchronising)
        end_piece();
    return *this;
}

Serializer& Serializer::literal(std::string bytes)
{
    literal_head(bytes.size());
    if (bytes.size() < worth_a_piece)
        return raw(bytes);
    end_piece();
    size_ += bytes.size();
    pieces_.push_back(std::move(bytes));
    return *this;
}

Serializer& Serializer::literal8(std::string bytes)
{
    tail_ += '~';
    return literal(std::move(bytes));
}

Serializer& Serializer::mailbox(std::string_view utf8)
{
    return names_ == NameEncoding::utf8 ? astring(utf8) : astring(to_utf7(utf8));
}

Serializer& Serializer::pattern(std::string_view utf8)
{
    const std::string wire = to_utf7(utf8);
    return !wire.empty() && std::ranges::all_of(wire, is_list_char) ? raw(wire) : string(wire);
}

Serializer& Serializer::text(std::string_view text)
{
    std::string shown = printable(text);
    std::ranges::replace_if(shown, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return raw(shown.empty() ? "-" : std::string_view(shown));
}

Serializer& Serializer::flags(std::span<const std::string> names)
{
    tail_ += '(';
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0)
            tail_ += ' ';
        tail_ += names[i];
    }
    tail_ += ')';
    return *this;
}

Serializer& Serializer::date_time(WallTime time)
{
    tail_ += '"';
    // date-day-fixed: both of its forms are two characters.
    tail_ += date_time_text(time);
    tail_ += '"';
    return *this;
}

Serializer& Serializer::section(const Section& section, std::optional<std::uint64_t> origin)
{
    tail_ += '[';
    for (std::size_t i = 0; i < section.part.size(); ++i) {
        if (i > 0)
            tail_ += '.';
        number(section.part[i]);
    }
    const std::string_view name = text_name(section.text);
    if (!section.part.empty() && !name.empty())
        tail_ += '.';
    tail_ += name;
    if (!section.fields.empty()) {
        for (std::size_t i = 0; i < section.fields.size(); ++i) {
            tail_ += i == 0 ? " (" : " ";
            astring(section.fields[i]);
        }
        tail_ += ')';
    }
    tail_ += ']';
    if (origin) {
        tail_ += '<';
        number(*origin);
        tail_ += '>';
    }
    return *this;
}

Serializer& Serializer::fetch_attribute(const FetchAttribute& attribute)
{
    using Kind = FetchAttribute::Kind;
    switch (attribute.kind) {
    case Kind::uid: return raw("UID");
    case Kind::flags: return raw("FLAGS");
    case Kind::internal_date: return raw("INTERNALDATE");
    case Kind::rfc822_size: return raw("RFC822.SIZE");
    case Kind::envelope: return raw("ENVELOPE");
    case Kind::body_structure: return raw("BODYSTRUCTURE");
    case Kind::body: return raw("BODY");
    case Kind::rfc822: return raw("RFC822");
    case Kind::rfc822_header: return raw("RFC822.HEADER");
    case Kind::rfc822_text: return raw("RFC822.TEXT");
    case Kind::modseq: return raw("MODSEQ");
    case Kind::email_id: return raw("EMAILID");
    case Kind::thread_id: return raw("THREADID");
    case Kind::save_date: return raw("SAVEDATE");
    case Kind::preview: return raw("PREVIEW");
    case Kind::binary_size: return raw("BINARY.SIZE").section(attribute.section, std::nullopt);
    case Kind::binary:
    case Kind::section: break;
    }
    raw(attribute.kind == Kind::binary ? "BINARY" : "BODY");
    raw(attribute.peek ? ".PEEK" : "").section(attribute.section, std::nullopt);
    if (attribute.partial) {
        raw("<").number(attribute.partial->offset);
        raw(".").number(attribute.partial->length).raw(">");
    }
    return *this;
}

void Serializer::end_piece()
{
    if (tail_.empty())
        return;
    size_ += tail_.size();
    pieces_.push_back(std::move(tail_));
    tail_.clear();
}

std::vector<std::string> Serializer::take()
{
    end_piece();
    size_ = 0;
    return std::exchange(pieces_, {});
}

std::string Serializer::take_joined()
{
    std::string all;
    for (const std::string& piece : take())
        all += piece;
    return all;
}

}  // namespace posthouse::imap
