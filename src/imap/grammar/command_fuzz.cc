// Framer and grammar together: no crash, and any chunking gives the same commands.
#include "imap/grammar/command.h"
#include "imap/grammar/framer.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace posthouse::imap;

// What was understood of each command, as text.
std::string understood(std::string_view text)
{
    const auto command = parse_command(text);
    if (!command)
        return command.error().tag + "?" + command.error().reason;
    if (command->tag.empty())
        std::abort();
    return command->tag + " " + std::string(name_of(command->verb)) + (command->by_uid ? " by uid" : "");
}

std::vector<std::string> read_all(std::string_view bytes, std::size_t step)
{
    std::vector<std::string> all;
    Framer framer(4096);
    std::size_t begin = 0;
    std::size_t seen = 0;
    for (;;) {
        const Framer::Step next = framer.next(bytes.substr(begin, seen - begin));
        if (next.event == Framer::Event::need_more) {
            if (seen == bytes.size())
                return all;
            seen = std::min(bytes.size(), seen + step);
            continue;
        }
        if (next.event == Framer::Event::too_long)
            return all;
        if (next.event == Framer::Event::literal) {
            const LiteralPurpose purpose = purpose_of_literal(next.text);
            all.push_back("literal " + std::to_string(static_cast<int>(purpose.kind)));
            if (purpose.kind == LiteralPurpose::Kind::argument && framer.fits(next.literal_size)) {
                framer.keep_literal();
                continue;
            }
        } else {
            all.push_back(understood(next.text));
        }
        begin += framer.cut();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = read_all(bytes, bytes.size() + 1);
    if (read_all(bytes, 1) != whole || read_all(bytes, 7) != whole)
        std::abort();
    return 0;
}
