// What is told of a server's lines: the same however the bytes are cut, no line without bound, and nothing of what
// stands in quotes in a FETCH response. The first byte says how the bytes are cut.
#include "imap/server/transcript.h"

#include <cstdlib>
#include <vector>

namespace {

class Lines final : public posthouse::Recorder {
public:
    void line(const posthouse::DialogueLine& line) override { lines.emplace_back(line.text); }
    void step(const posthouse::Step&) override { }
    std::vector<std::string> lines;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    if (size == 0)
        return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    Lines whole;
    imap::Transcript at_once(whole, 1);
    at_once.server(input);
    Lines cut;
    imap::Transcript in_pieces(cut, 1);
    const std::size_t piece = 1 + data[0] % 40;
    for (std::size_t at = 0; at < input.size(); at += piece)
        in_pieces.server(input.substr(at, piece));
    if (whole.lines != cut.lines)
        std::abort();
    for (const std::string& line : whole.lines)
        if (line.size() > 3000)
            std::abort();
    Lines commands;
    imap::Transcript client(commands, 1);
    client.begin_of_command(input.substr(0, input.size() / 2));
    client.command(input);
    for (const std::string& line : commands.lines)
        if (line.size() > input.size() + 64)
            std::abort();

    // Words of a message, in a response that is hostile around them.
    Lines told;
    imap::Transcript fetch(told, 1);
    std::string quoted;
    for (const char c : input)
        if (c != '"' && c != '\\' && c != '\r' && c != '\n')
            quoted += c;
    fetch.server("* 1 FETCH (ENVELOPE (NIL \"unmistakable " + quoted + "\" NIL))\r\n");
    if (told.lines.size() != 1 || told.lines.front() != "* 1 FETCH (ENVELOPE (NIL \"…\" NIL))")
        std::abort();
    return 0;
}
