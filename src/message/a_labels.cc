#include "message/a_labels.h"

#include "base/text.h"
#include "message/lexis.h"

#include <memory>

#include <fmt/format.h>
#include <idn2.h>

namespace posthouse::message {

Result<std::string> in_a_labels(const std::string& domain)
{
    if (is_ascii(domain))
        return domain;
    char* found = nullptr;
    const int code = idn2_to_ascii_8z(domain.c_str(), &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, void (*)(void*)> owner(found, idn2_free);
    if (code != IDN2_OK || !found)
        return fail(ErrorCode::malformed, fmt::format("{} is not a domain name", lexis::shown(domain)));
    return std::string(found);
}

}  // namespace posthouse::message
