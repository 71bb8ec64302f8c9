// Replies of a hostile server: bounded, never a crash; what was read is written and read again.
#include "smtp/reply_grammar.h"

#include "base/text.h"

#include <cstdint>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::smtp;

namespace {

std::optional<Reply> parse(std::string_view text)
{
    ReplyParser parser;
    for (const std::string_view line : split(text, '\n')) {
        const auto status = parser.line(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
        if (status == ReplyParser::Status::whole)
            return parser.take();
        if (status != ReplyParser::Status::more)
            return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::optional<Reply> reply = parse({reinterpret_cast<const char*>(data), size});
    if (!reply)
        return 0;
    if (reply->code < 200 || reply->code > 599 || reply->text.size() > most_reply_bytes + most_reply_lines)
        std::abort();
    std::string written;
    append_to(written, *reply);
    const std::optional<Reply> again = parse(written);
    if (!again || again->code != reply->code || (!reply->enhanced.empty() && again->enhanced != reply->enhanced))
        std::abort();
    return 0;
}
