// Reading replies (RFC 5321 section 4.2.1), for the client's end. A server's replies are hostile
// input: lines, their length and their number are bounded. Pure.
#pragma once

#include "smtp/reply.h"

#include <cstdint>

namespace posthouse::smtp {

// RFC 5321 section 4.5.3.1.5 says 512; servers exceed it with URLs and policies.
inline constexpr std::size_t longest_line_taken = 4096;
inline constexpr std::size_t most_reply_lines = 200;
inline constexpr std::size_t most_reply_bytes = 65'536;

// Puts one reply together from its lines. A new object for each reply.
class ReplyParser {
public:
    enum class Status : std::uint8_t { more, whole, malformed, too_large };
    // A line without its CRLF. After anything but `more` nothing more is to be shown.
    Status line(std::string_view line);
    // Once `whole`. The enhanced code (RFC 2034) is taken off each line that has it.
    Reply take() { return std::move(reply_); }

private:
    Reply reply_;
    std::size_t lines_ = 0;
    std::size_t bytes_ = 0;
};

// RFC 3463 section 2: class "." subject "." detail, where it stands at the beginning of `text` and
// fits the code; empty otherwise.
std::string_view enhanced_code(int code, std::string_view text);

}  // namespace posthouse::smtp
