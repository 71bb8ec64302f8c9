// What stands around APPEND's messages, and CATENATE's URLs: no crash, bounded, literals only where a stretch ends.
#include "imap/grammar/append_syntax.h"
#include "imap/grammar/message_url.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse::imap;
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    if (const auto url = message_url(all); url && (url->uid == 0 || url->section.part.size() > Section::most_levels))
        std::abort();

    // Stretches, each ended by a NUL where a literal follows.
    AppendSyntax syntax;
    for (std::size_t at = 0; at <= all.size();) {
        const std::size_t end = all.find('\0', at);
        const bool literal_follows = end != std::string_view::npos;
        const auto steps = syntax.read(all.substr(at, literal_follows ? end - at : end), literal_follows);
        if (!steps)
            return 0;
        std::size_t literals = 0;
        for (const AppendStep& step : *steps)
            literals += step.kind == AppendStep::Kind::literal;
        if (literals != (literal_follows ? 1u : 0u) || (!literal_follows && !syntax.is_complete()))
            std::abort();
        if (!literal_follows)
            return 0;
        at = end + 1;
    }
    return 0;
}
