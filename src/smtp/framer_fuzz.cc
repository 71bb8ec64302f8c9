// DATA bodies: any chunking gives the same result; what the client's end sends is read back.
#include "smtp/body_framer.h"

#include <cstdint>
#include <cstdlib>
#include <tuple>

using namespace posthouse::smtp;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

struct Outcome {
    BodyEvent event = BodyEvent::need_more;
    std::string body;
    std::size_t consumed = 0;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome frame(std::string_view input, std::size_t piece)
{
    DataFramer framer;
    Outcome outcome;
    for (std::size_t at = 0; at < input.size(); at += piece) {
        const DataFramer::Frame frame = framer.next(input.substr(at, piece), outcome.body);
        outcome.event = frame.event;
        outcome.consumed = at + frame.consumed;
        if (frame.event != BodyEvent::need_more)
            break;
    }
    if (outcome.event == BodyEvent::bare_cr || outcome.event == BodyEvent::bare_lf)
        outcome.body.clear(), outcome.consumed = 0;  // the session ends
    return outcome;
}

std::string stuffed(std::string_view body, std::size_t piece, DotStuffer::For use = DotStuffer::For::data)
{
    DotStuffer stuffer(use);
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += piece)
        stuffer.stuff(body.substr(at, piece), out);
    out += stuffer.end();
    return out;
}

BodyEvent checked(std::string_view input, std::size_t piece)
{
    LineEnds ends;
    BodyEvent event = BodyEvent::need_more;
    for (std::size_t at = 0; at < input.size() && event == BodyEvent::need_more; at += piece)
        event = ends.check(input.substr(at, piece));
    return event;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 1 || size > 4096)
        return 0;
    const std::size_t piece = 1 + data[0] % 16;
    const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
    const Outcome whole = frame(input, size);
    require(frame(input, piece) == whole && frame(input, 1) == whole);
    if (whole.event == BodyEvent::end) {
        require(input.substr(0, whole.consumed).ends_with("\r\n.\r\n") || input.starts_with(".\r\n"));
        require(checked(whole.body, size) == BodyEvent::need_more);
    }
    require(checked(input, piece) == checked(input, size));

    const std::string sent = stuffed(input, piece);
    require(sent == stuffed(input, size));
    const Outcome back = frame(sent + "QUIT\r\n", piece);
    require(back.event == BodyEvent::end && back.consumed == sent.size());
    if (checked(input, size) == BodyEvent::need_more && (input.empty() || input.ends_with("\r\n")))
        require(back.body == input);

    // What goes in a chunk is what the dots carried, and nothing but lines.
    const std::string chunk = stuffed(input, piece, DotStuffer::For::chunks);
    require(chunk == back.body && checked(chunk, size + 1) == BodyEvent::need_more);
    require(chunk.empty() || chunk.ends_with("\r\n"));
    return 0;
}
