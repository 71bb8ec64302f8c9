// Mailbox names: what is accepted is normal, stays so, and holds nothing that a name must not hold.
#include "base/text.h"
#include "mailbox/mailbox.h"

#include <algorithm>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::mailbox;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view name(reinterpret_cast<const char*>(data), size);
    const Result<std::string> normal = normal_name(name);
    if (!normal) {
        if (normal.error() != ErrorCode::malformed || normal.error().text.empty())
            std::abort();
        return 0;
    }
    const auto again = normal_name(*normal);
    if (!again || *again != *normal || fault_of_name(*normal) || !is_valid_utf8(*normal) || normal->size() > 1000 ||
        std::ranges::any_of(*normal, is_control) || normal->starts_with('/') || normal->ends_with('/'))
        std::abort();
    return 0;
}
