#include "message/digest.h"

#include "base/text.h"

#include <algorithm>
#include <ranges>

namespace posthouse::message {

std::string Part::file_name() const
{
    if (auto name = parameter(disposition_parameters, "filename"); name && !name->empty())
        return std::move(*name);
    return parameter(parameters, "name").value_or("");
}

std::string Part::charset() const
{
    const auto name = parameter(parameters, "charset");
    return name && !name->empty() ? to_lower(*name) : "us-ascii";
}

std::int32_t Digest::first_child(std::int32_t index) const
{
    const auto at = static_cast<std::size_t>(index);
    return at + 1 < parts[at].after ? index + 1 : no_part;
}

std::int32_t Digest::next_sibling(std::int32_t index) const
{
    const std::uint32_t next = parts[static_cast<std::size_t>(index)].after;
    const bool is_sibling = next < parts.size() && parts[next].parent == parts[static_cast<std::size_t>(index)].parent;
    return is_sibling ? static_cast<std::int32_t>(next) : no_part;
}

const Part* Digest::find(std::span<const std::uint32_t> path) const
{
    if (parts.empty())
        return nullptr;
    std::int32_t current = 0;
    for (bool in_message = true; const std::uint32_t number : path) {
        const Part* part = &parts[static_cast<std::size_t>(current)];
        if (!in_message && part->is_message()) {
            current = first_child(current);  // 1.2 of a message/rfc822 1: part 2 of the message in it
            part = &parts[static_cast<std::size_t>(current)];
            in_message = true;
        }
        if (number == 0)
            return nullptr;
        if (!part->is_multipart()) {
            if (!in_message || number != 1)
                return nullptr;
            in_message = false;  // part 1 of a message without parts is its body
            continue;
        }
        current = first_child(current);
        for (std::uint32_t i = 1; i < number && current != no_part; ++i)
            current = next_sibling(current);
        if (current == no_part)
            return nullptr;
        in_message = false;
    }
    return &parts[static_cast<std::size_t>(current)];
}

std::string Digest::path_of(std::int32_t index) const
{
    // From the part up: each level under a multipart is a number; a message's only part is its 1.
    std::vector<std::uint32_t> numbers;
    const auto part = [&](std::int32_t i) -> const Part& { return parts[static_cast<std::size_t>(i)]; };
    if (part(index).is_multipart() && (index == 0 || part(part(index).parent).is_message()))
        return "";
    for (std::int32_t i = index; i != no_part; i = part(i).parent) {
        const std::int32_t parent = part(i).parent;
        if (parent != no_part && part(parent).is_multipart()) {
            std::uint32_t number = 1;
            for (std::int32_t sibling = first_child(parent); sibling != i; sibling = next_sibling(sibling))
                ++number;
            numbers.push_back(number);
        } else if (!part(i).is_multipart()) {
            numbers.push_back(1);
        }
    }
    std::string path;
    for (const std::uint32_t number : numbers | std::views::reverse)
        path += (path.empty() ? "" : ".") + std::to_string(number);
    return path;
}

}  // namespace posthouse::message
