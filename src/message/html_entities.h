// Character references of HTML: the numeric ones, Latin-1's names and the typographic ones that mail uses.
// Private to the room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace posthouse::message {

struct HtmlEntity {
    std::string text;  // UTF-8
    std::size_t length = 1;  // of the reference in the source
};

// `source` begins with '&'. What is no reference is the character '&'.
HtmlEntity read_html_entity(std::string_view source);
std::string decode_html_entities(std::string_view text);

}  // namespace posthouse::message
