// Any chunking gives the same frames; lines hold neither CR nor LF and keep to the limit; every
// byte is consumed once.
#include "net/line_framer.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using posthouse::net::LineFramer;

void must(bool holds)
{
    if (!holds)
        std::abort();
}

std::vector<std::string> frames(std::string_view input, std::size_t limit, std::size_t piece)
{
    LineFramer framer(limit);
    std::vector<std::string> seen;
    std::size_t begin = 0;
    std::size_t end = 0;
    for (;;) {
        const LineFramer::Frame frame = framer.next(input.substr(begin, end - begin));
        must(frame.consumed <= end - begin);
        must(frame.line.size() <= limit);
        must(frame.line.find_first_of("\r\n") == frame.line.npos);
        begin += frame.consumed;
        if (frame.kind != LineFramer::Kind::need_more) {
            must(frame.consumed > 0);
            seen.push_back(char('0' + int(frame.kind)) + std::string(frame.line));
            continue;
        }
        must(end - begin < limit);  // what waits for more is bounded
        if (end == input.size())
            return seen;
        end = std::min(input.size(), end + piece);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    const std::size_t limit = 2 + data[0] % 64;
    const std::size_t piece = 1 + data[1] % 32;
    const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::vector<std::string> whole = frames(input, limit, input.size() + 1);
    must(frames(input, limit, piece) == whole);
    must(frames(input, limit, 1) == whole);
    return 0;
}
