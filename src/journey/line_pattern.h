// A server's line with that left open ("…") which differs from run to run: texts for people, times, ids. What a script
// of a conversation compares by (conversation.h). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace posthouse::journey {

std::string imap_pattern(std::string_view line);
std::string pop3_pattern(std::string_view line);
// "250 2.1.0 ok" becomes "250 2.1.0 …".
std::string smtp_pattern(std::string_view line);

// "* 1 FETCH (BODY[] {310})": the turns up to each literal and behind the last one.
std::vector<std::string> split_at_literals(std::string_view line);

}  // namespace posthouse::journey
