#include "imap/grammar/fetch_attributes.h"

#include "imap/grammar/lexemes.h"

#include <array>

namespace posthouse::imap {

namespace {

using Kind = FetchAttribute::Kind;
using Text = Section::Text;

struct Word {
    std::string_view word;
    Kind kind;
};
constexpr std::array words{
    Word{"ENVELOPE", Kind::envelope},
    Word{"FLAGS", Kind::flags},
    Word{"INTERNALDATE", Kind::internal_date},
    Word{"RFC822.SIZE", Kind::rfc822_size},
    Word{"RFC822.HEADER", Kind::rfc822_header},
    Word{"RFC822.TEXT", Kind::rfc822_text},
    Word{"RFC822", Kind::rfc822},
    Word{"BODYSTRUCTURE", Kind::body_structure},
    Word{"UID", Kind::uid},
    Word{"MODSEQ", Kind::modseq},
    Word{"EMAILID", Kind::email_id},
    Word{"THREADID", Kind::thread_id},
    Word{"SAVEDATE", Kind::save_date},
    Word{"PREVIEW", Kind::preview},
};

// Each is looked for in each message, and said again with each (HOSTILE A16); clients ask for some forty.
constexpr std::size_t most_header_names = 500;

// header-list = "(" header-fld-name *(SP header-fld-name) ")"
std::optional<std::vector<std::string>> header_list(Cursor& in)
{
    std::vector<std::string> fields;
    if (!in.take('('))
        return std::nullopt;
    do {
        std::optional<std::string> field = astring(in);
        if (!field || fields.size() == most_header_names)
            return std::nullopt;
        fields.push_back(std::move(*field));
    } while (in.take(' '));
    if (!in.take(')'))
        return std::nullopt;
    return fields;
}

// section-text = section-msgtext / "MIME"
bool section_text(Cursor& in, Section& section)
{
    const bool all_but = in.take("HEADER.FIELDS.NOT ");
    if (all_but || in.take("HEADER.FIELDS ")) {
        section.text = all_but ? Text::header_fields_not : Text::header_fields;
        auto fields = header_list(in);
        if (!fields)
            return false;
        section.fields = std::move(*fields);
        return true;
    }
    if (in.take("HEADER"))
        section.text = Text::header;
    else if (in.take("TEXT"))
        section.text = Text::text;
    else if (in.take("MIME"))
        section.text = Text::mime;
    else
        return false;
    return true;
}

// RFC 9051: "<" number64 "." nz-number64 ">"
std::optional<Partial> partial(Cursor& in)
{
    if (!in.take('<'))
        return std::nullopt;
    const auto offset = number64(in);
    if (!offset || !in.take('.'))
        return std::nullopt;
    const auto length = in.peek() == '0' ? std::nullopt : number64(in);
    if (!length || !in.take('>'))
        return std::nullopt;
    return Partial{*offset, *length};
}

std::vector<FetchAttribute> of_kinds(std::initializer_list<Kind> kinds)
{
    std::vector<FetchAttribute> attributes;
    for (const Kind kind : kinds)
        attributes.push_back({.kind = kind});
    return attributes;
}

// Behind "BODY" or "BODY.PEEK": "[" section "]" [partial]
std::optional<FetchAttribute> body_section(Cursor& in, bool peek)
{
    if (!in.take('['))
        return std::nullopt;
    std::optional<Section> which = section(in);
    if (!which)
        return std::nullopt;
    FetchAttribute attribute{.kind = Kind::section, .section = std::move(*which), .peek = peek};
    if (in.peek() == '<') {
        attribute.partial = partial(in);
        if (!attribute.partial)
            return std::nullopt;
    }
    return attribute;
}

// RFC 3516 section 7: "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
std::optional<FetchAttribute> binary_section(Cursor& in)
{
    FetchAttribute attribute{.kind = Kind::binary};
    if (in.take(".SIZE"))
        attribute.kind = Kind::binary_size;
    else
        attribute.peek = in.take(".PEEK");
    std::optional<Section> which = in.take('[') ? section(in) : std::nullopt;
    if (!which || which->text != Text::all)
        return std::nullopt;
    attribute.section = std::move(*which);
    if (attribute.kind == Kind::binary && in.peek() == '<') {
        attribute.partial = partial(in);
        if (!attribute.partial)
            return std::nullopt;
    }
    return attribute;
}

// RFC 8970 section 3.2: "PREVIEW" [SP "(" "LAZY" ")"]; ours is always there, so LAZY changes nothing.
bool preview_modifiers(Cursor& in) { return !in.take(" (") || in.take("LAZY)"); }

}  // namespace

// section = [section-spec] "]"; section-spec = section-msgtext / (section-part ["." section-text])
std::optional<Section> section(Cursor& in)
{
    Section section;
    while (is_digit(in.peek())) {
        const auto level = nz_number(in);
        if (!level || section.part.size() == Section::most_levels)
            return std::nullopt;
        section.part.push_back(*level);
        if (in.take(']'))
            return section;
        if (!in.take('.'))
            return std::nullopt;
    }
    if (section.part.empty() && in.take(']'))
        return section;
    if (!section_text(in, section) || !in.take(']'))
        return std::nullopt;
    if (section.text == Text::mime && section.part.empty())
        return std::nullopt;
    return section;
}

std::optional<FetchAttribute> fetch_attribute(Cursor& in)
{
    for (const Word& candidate : words) {
        if (!take_word(in, candidate.word))
            continue;
        if (candidate.kind == Kind::preview && !preview_modifiers(in))
            return std::nullopt;
        return FetchAttribute{.kind = candidate.kind};
    }
    if (in.take("BODY.PEEK"))
        return body_section(in, true);
    if (in.take("BINARY"))
        return binary_section(in);
    if (!in.take("BODY"))
        return std::nullopt;
    if (in.peek() == '[')
        return body_section(in, false);
    return FetchAttribute{.kind = Kind::body};
}

std::optional<std::vector<FetchAttribute>> fetch_attributes(Cursor& in)
{
    // RFC 3501 section 6.4.5: the macros stand alone.
    if (take_word(in, "ALL"))
        return of_kinds({Kind::flags, Kind::internal_date, Kind::rfc822_size, Kind::envelope});
    if (take_word(in, "FAST"))
        return of_kinds({Kind::flags, Kind::internal_date, Kind::rfc822_size});
    if (take_word(in, "FULL"))
        return of_kinds({Kind::flags, Kind::internal_date, Kind::rfc822_size, Kind::envelope, Kind::body});

    const bool is_list = in.take('(');
    std::vector<FetchAttribute> attributes;
    do {
        std::optional<FetchAttribute> attribute = fetch_attribute(in);
        if (!attribute || attributes.size() == most_fetch_attributes)
            return std::nullopt;
        attributes.push_back(std::move(*attribute));
    } while (is_list && in.take(' '));
    if (is_list && !in.take(')'))
        return std::nullopt;
    return attributes;
}

}  // namespace posthouse::imap
