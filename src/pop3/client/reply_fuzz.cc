// Hostile server bytes: nothing crashes, the decoder does not depend on how bytes were cut, and takes
// no more memory than it was given.
#include "base/text.h"
#include "pop3/client/reply.h"

#include <cstdlib>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

struct Decoded {
    std::string text;
    std::size_t taken = 0;
    bool is_done = false;
    friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::string_view bytes, std::size_t cut)
{
    posthouse::pop3::MultilineDecoder decoder;
    Decoded out;
    while (!decoder.is_done() && out.taken < bytes.size()) {
        const std::string_view piece = bytes.substr(out.taken, cut);
        const std::size_t taken = decoder.take(piece, out.text);
        require(taken == piece.size() || decoder.is_done());
        out.taken += taken;
    }
    out.is_done = decoder.is_done();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::pop3;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Decoded whole = decode(bytes, bytes.size() + 1);
    require(whole.text.size() <= size);
    require(whole == decode(bytes, 1));
    require(whole == decode(bytes, 3));
    if (whole.is_done)
        require(bytes.substr(0, whole.taken).ends_with(".\r\n"));
    for (const std::string_view line : split(bytes, '\n')) {
        if (const auto reply = parse_reply(line))
            require(to_error(*reply).text.size() < 400);
        if (const auto id = parse_unique_id(line))
            require(id->number > 0 && !id->id.empty() && id->id.size() <= 70);
        if (const auto item = parse_list_item(line))
            require(item->number > 0);
        (void)parse_challenge(line);
    }
    return 0;
}
