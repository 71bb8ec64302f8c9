// Write, then parse: strings and fetch attributes survive the trip, whatever is in them.
#include "imap/grammar/lexemes.h"
#include "imap/grammar/serializer.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::imap;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    {
        Serializer out(LiteralStyle::non_synchronising);
        out.astring(text).raw(" ").string(text);
        const std::string written = out.take_joined();
        Cursor in(written);
        if (astring(in) != text || !in.take(' ') || posthouse::imap::string(in) != text || !in.at_end())
            std::abort();
    }
    {
        Serializer out;
        const std::string shown = out.text(text).take_joined();
        if (shown.empty() || shown.find_first_of("\r\n") != std::string::npos)
            std::abort();
    }
    Cursor in(text);
    if (const auto attributes = fetch_attributes(in)) {
        for (const FetchAttribute& attribute : *attributes) {
            Serializer out;
            const std::string written = out.fetch_attribute(attribute).take_joined();
            Cursor again(written);
            if (fetch_attribute(again) != attribute || !again.at_end())
                std::abort();
        }
    }
    return 0;
}
