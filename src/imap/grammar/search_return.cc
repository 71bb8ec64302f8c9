#include "imap/grammar/search_return.h"

#include "imap/grammar/lexemes.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

// modifier-update = "UPDATE" [SP "(" fetch-att *(SP fetch-att) ")"]
bool update_attributes(Cursor& in, SearchReturn& result)
{
    if (!in.rest().starts_with(" ("))
        return true;
    in.take(' ');
    auto attributes = fetch_attributes(in);
    if (attributes)
        result.of_new = std::move(*attributes);
    return attributes.has_value();
}

bool return_option(Cursor& in, SearchReturn& result)
{
    struct Word {
        std::string_view word;
        bool SearchReturn::* flag;
    };
    constexpr Word words[]{{"MIN", &SearchReturn::min},         {"MAX", &SearchReturn::max},
                           {"ALL", &SearchReturn::all},         {"COUNT", &SearchReturn::count},
                           {"SAVE", &SearchReturn::save},       {"UPDATE", &SearchReturn::update},
                           {"CONTEXT", &SearchReturn::context}, {"RELEVANCY", &SearchReturn::relevancy}};
    for (const Word& word : words)
        if (take_word(in, word.word)) {
            result.*word.flag = true;
            return word.flag != &SearchReturn::update || update_attributes(in, result);
        }
    if (!take_word(in, "PARTIAL") || !in.take(' ') || result.partial)
        return false;
    result.partial = partial_range(in);
    return result.partial.has_value();
}

}  // namespace

// partial-range = nz-number ":" nz-number / MINUS nz-number ":" MINUS nz-number
std::optional<PartialRange> partial_range(Cursor& in)
{
    PartialRange range{.from_end = in.take('-')};
    const auto first = nz_number(in);
    if (!first || !in.take(':') || in.take('-') != range.from_end)
        return std::nullopt;
    const auto last = nz_number(in);
    if (!last)
        return std::nullopt;
    range.falls = *first > *last;
    range.first = std::min(*first, *last);
    range.last = std::max(*first, *last);
    return range;
}

std::string PartialRange::text() const
{
    const std::string sign = from_end ? "-" : "";
    return sign + std::to_string(falls ? last : first) + ":" + sign + std::to_string(falls ? first : last);
}

std::expected<SearchReturn, std::string> search_return(Cursor& in)
{
    SearchReturn result;
    if (!in.take("RETURN ("))
        return result;
    result.is_extended = true;
    while (!in.take(')')) {
        if (!return_option(in, result))
            return std::unexpected("unknown return option");
        if (!in.take(' ') && in.peek() != ')')
            return std::unexpected("the return options are not closed");
    }
    if (!in.take(' '))
        return std::unexpected("search keys are missing");
    // RFC 9394 section 3.1, RFC 5267 section 4.4.
    if (result.all && result.partial)
        return std::unexpected("ALL and PARTIAL do not go together");
    // RFC 4731 section 3.1: RETURN () asks for ALL; RFC 5182 section 2.1: so does SAVE alone, but tells nothing.
    const bool asks = result.min || result.max || result.count || result.partial || result.save || result.update ||
        result.context || result.relevancy;
    result.all |= !asks;
    return result;
}

}  // namespace posthouse::imap
