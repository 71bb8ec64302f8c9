#include "smtp/reply_grammar.h"

#include "base/cursor.h"

namespace posthouse::smtp {

namespace {

// Reply-code = %x32-35 %x30-35 %x30-39; section 4.2.1 says that clients mind the first digit, so
// the others may be any.
int reply_code(Cursor& in)
{
    const std::string_view digits = in.take_while(is_digit);
    if (digits.size() != 3 || digits[0] < '2' || digits[0] > '5')
        return 0;
    return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

}  // namespace

std::string_view enhanced_code(int code, std::string_view text)
{
    Cursor in(text);
    const std::string_view status = in.take_while(is_digit);
    if (status.size() != 1 || status[0] - '0' != code / 100 || status[0] == '3')
        return {};
    for (int part = 0; part < 2; ++part) {
        if (!in.take('.'))
            return {};
        const std::string_view number = in.take_while(is_digit);
        if (number.empty() || number.size() > 3)
            return {};
    }
    return in.at_end() || in.peek() == ' ' ? text.substr(0, in.offset()) : std::string_view{};
}

// Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
ReplyParser::Status ReplyParser::line(std::string_view line)
{
    bytes_ += line.size();
    if (line.size() > longest_line_taken || ++lines_ > most_reply_lines || bytes_ > most_reply_bytes)
        return Status::too_large;
    Cursor in(line);
    const int code = reply_code(in);
    if (code == 0 || (lines_ > 1 && code != reply_.code))
        return Status::malformed;
    const bool is_last = !in.take('-');
    if (is_last && !in.at_end() && !in.take(' '))
        return Status::malformed;
    const std::string_view enhanced = enhanced_code(code, in.rest());
    in.take_bytes(enhanced.size());
    if (!enhanced.empty())
        in.take(' ');
    if (lines_ > 1)
        reply_.text += '\n';
    reply_.code = code;
    if (reply_.enhanced.empty())
        reply_.enhanced = enhanced;
    reply_.text += in.rest();
    return is_last ? Status::whole : Status::more;
}

}  // namespace posthouse::smtp
