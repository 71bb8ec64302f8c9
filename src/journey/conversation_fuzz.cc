// Recordings with hostile lines become scripts: whole lines that each begin with a turn or a remark, and not much
// longer than what was recorded. The first byte of each line says who speaks and in which protocol.
#include "journey/conversation.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::journey;
    std::string_view input(reinterpret_cast<const char*>(data), size);
    ConversationWriter writer;
    std::string script;
    while (!input.empty()) {
        const std::size_t end = std::min(input.find('\n'), input.size());
        std::string_view line = input.substr(0, end);
        input.remove_prefix(std::min(end + 1, input.size()));
        if (line.empty())
            continue;
        const auto how = static_cast<unsigned char>(line.front());
        Heard heard;
        heard.number = 1 + how / 4 % 11;
        heard.protocol = how % 8 == 7 ? Protocol::smtp : how % 2 == 0 ? Protocol::imap : Protocol::pop3;
        heard.speaker = (how % 8 == 7 ? how / 8 : how / 2) % 2 == 0 ? Speaker::client : Speaker::server;
        heard.kind = how == 'O' ? Heard::Kind::opened : how == 'X' ? Heard::Kind::closed : Heard::Kind::line;
        heard.text = line.substr(1);
        script += writer.add(heard);
    }
    if (script.size() > 64 * (size + 1))
        std::abort();
    bool begins = true;
    for (const char c : script) {
        if (begins && std::string_view("CSBLDMRWX#").find(c) == std::string_view::npos)
            std::abort();
        begins = c == '\n';
    }
    if (!begins)
        std::abort();
    return 0;
}
