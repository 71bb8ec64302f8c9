#include "directory/where_it_leads.h"

#include "base/text.h"

#include <fmt/format.h>

namespace posthouse::directory {

namespace {

constexpr std::size_t most_named = 10;

}  // namespace

std::string where_it_leads(const Recipient& found, std::string_view address)
{
    if (found.kind != RecipientKind::local || found.targets.empty())
        return {};
    const Target& first = found.targets.front();
    if (found.targets.size() == 1 && first.subaddress.empty() && equals_ignoring_case(first.address, address))
        return {};
    std::string text;
    for (std::size_t i = 0; i < found.targets.size() && i < most_named; ++i) {
        const Target& target = found.targets[i];
        text += (i == 0 ? "" : ", ") + target.address;
        if (!target.subaddress.empty())
            text += " for +" + target.subaddress;
    }
    if (found.targets.size() > most_named)
        text += fmt::format(" and {} more", found.targets.size() - most_named);
    return text;
}

}  // namespace posthouse::directory
