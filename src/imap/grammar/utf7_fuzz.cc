// Modified UTF-7: what can be read is valid UTF-8 and is written back as it was; what is valid UTF-8 without
// controls comes back.
#include "imap/grammar/utf7.h"

#include "base/text.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::imap;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto name = from_utf7(text)) {
        if (!is_valid_utf8(*name) || to_utf7(*name) != text)
            std::abort();
    }
    const std::string wire = to_utf7(text);
    if (!is_ascii(wire))
        std::abort();
    if (is_valid_utf8(text) && from_utf7(wire) != text)
        std::abort();
    return 0;
}
