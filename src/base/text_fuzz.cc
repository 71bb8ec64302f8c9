// What stands between text from outside and a log, a terminal or a header: whatever comes in, what
// goes out is valid, bounded, and says one thing only.
#include "base/cursor.h"
#include "base/ids.h"
#include "base/text.h"

#include <cstdlib>

using namespace posthouse;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void check_printable(std::string_view text)
{
    const std::string shown = printable(text, 200);
    require(is_valid_utf8(shown));
    for (const char c : shown)
        require(!is_control(c));
    require(shown.size() <= 200 + 12);
    require(printable(shown, 1000) == shown);  // escaping is done once
}

void check_codes(std::string_view text)
{
    require(base64_decode(base64_encode(text)) == text);
    require(hex_decode(hex_encode(text)) == text);
    if (const auto bytes = base64_decode(text))
        require(base64_encode(*bytes) == text);  // one spelling only
    if (const auto bytes = hex_decode(text))
        require(hex_encode(*bytes) == to_lower(text));
    if (const auto id = parse_id(text))
        require(id_text(*id) == to_lower(text));
    if (const auto number = parse_number<std::uint64_t>(text)) {
        const std::size_t first = text.find_first_not_of('0');
        require(std::to_string(*number) == (first == std::string_view::npos ? "0" : text.substr(first)));
    }
}

void check_cursor(std::string_view text)
{
    Cursor cursor(text);
    while (!cursor.at_end()) {
        const std::size_t before = cursor.offset();
        cursor.take_while([](char c) { return is_alnum(c); });
        cursor.take("--") || cursor.take(cursor.peek());
        require(cursor.offset() > before && cursor.offset() + cursor.rest().size() == text.size());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_printable(text);
    check_codes(text);
    check_cursor(text);
    require(is_valid_utf8(text) || !is_ascii(text));
    std::string joined;
    for (const std::string_view part : split(text, ','))
        joined.append(part).append(",");
    joined.pop_back();
    require(joined == text);
    return 0;
}
