#include "message/structure.h"

#include <algorithm>

namespace posthouse::message {

namespace {

bool is_attachment(const Part& part, const Part* parent)
{
    if (part.is_multipart())
        return false;
    if (part.disposition == "attachment" || part.is_message())
        return true;
    const std::string_view around = parent && parent->is_multipart() ? std::string_view(parent->subtype) : "";
    if (around == "report" || around == "encrypted" || (around == "signed" && part.subtype.ends_with("-signature")))
        return false;
    const bool shown_inline = part.disposition == "inline" || around == "related";
    if (part.is_text())
        return !shown_inline && !part.file_name().empty();
    return !(shown_inline && !part.id.empty());
}

}  // namespace

void fill_after(Digest& digest)
{
    for (std::size_t i = digest.parts.size(); i-- > 0;) {
        Part& part = digest.parts[i];
        part.after = std::max(part.after, static_cast<std::uint32_t>(i + 1));
        if (part.parent != no_part) {
            Part& outer = digest.parts[static_cast<std::size_t>(part.parent)];
            outer.after = std::max(outer.after, part.after);
        }
    }
}

bool has_attachment(const Digest& digest)
{
    return std::ranges::any_of(digest.parts, [&](const Part& part) {
        const bool inside = part.parent != no_part;
        return is_attachment(part, inside ? &digest.parts[static_cast<std::size_t>(part.parent)] : nullptr);
    });
}

}  // namespace posthouse::message
