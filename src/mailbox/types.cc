#include "mailbox/types.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

constexpr std::array<std::string_view, system_flags> names_of_system_flags{"\\Answered", "\\Flagged", "\\Deleted",
                                                                           "\\Draft", "\\Seen"};

// The first range that ends at `number` or behind it.
auto reaching(std::span<const NumberRange> ranges, std::uint32_t number)
{
    return std::ranges::lower_bound(ranges, number, {}, &NumberRange::last);
}

}  // namespace

std::optional<std::size_t> KeywordTable::bit_of(std::string_view name) const
{
    for (std::size_t i = 0; i < names.size(); ++i)
        if (equals_ignoring_case(names[i], name))
            return system_flags + i;
    return std::nullopt;
}

std::vector<std::string> flag_names(FlagBits bits, const KeywordTable& keywords)
{
    std::vector<std::string> names;
    if (bits.empty())
        return names;
    for (std::size_t bit = 0; bit < system_flags; ++bit)
        if (bits.has(bit))
            names.emplace_back(names_of_system_flags[bit]);
    for (std::size_t i = 0; i < keywords.names.size(); ++i)
        if (bits.has(system_flags + i))
            names.push_back(keywords.names[i]);
    return names;
}

std::optional<SystemFlag> system_flag(std::string_view name)
{
    for (std::size_t i = 0; i < system_flags; ++i)
        if (equals_ignoring_case(names_of_system_flags[i], name))
            return static_cast<SystemFlag>(i);
    return std::nullopt;
}

std::string_view name_of(SystemFlag flag) { return names_of_system_flags[static_cast<std::size_t>(flag)]; }

const Entry& Snapshot::at(std::uint32_t position) const
{
    const auto behind = std::ranges::upper_bound(first_position, position);
    const std::size_t block = static_cast<std::size_t>(behind - first_position.begin()) - 1;
    return blocks[block]->entries[position - first_position[block]];
}

const Entry* Snapshot::find(Uid uid) const
{
    const std::uint32_t position = position_of(uid);
    if (position >= size_)
        return nullptr;
    const Entry& entry = at(position);
    return entry.uid == uid ? &entry : nullptr;
}

std::uint32_t Snapshot::position_of(Uid uid) const
{
    const auto block = std::ranges::lower_bound(blocks, uid / block_span, {}, [](const auto& b) { return b->number; });
    if (block == blocks.end())
        return size_;
    const auto& entries = (*block)->entries;
    const auto entry = std::ranges::lower_bound(entries, uid, {}, &Entry::uid);
    return first_position[static_cast<std::size_t>(block - blocks.begin())] +
        static_cast<std::uint32_t>(entry - entries.begin());
}

void Snapshot::count()
{
    first_position.clear();
    size_ = unseen = deleted = 0;
    total_size = 0;
    for (const auto& block : blocks) {
        first_position.push_back(size_);
        size_ += static_cast<std::uint32_t>(block->entries.size());
        for (const Entry& entry : block->entries) {
            unseen += entry.flags.has(SystemFlag::seen) ? 0 : 1;
            deleted += entry.flags.has(SystemFlag::deleted) ? 1 : 0;
            total_size += entry.size;
        }
    }
}

void NumberSet::add(NumberRange range)
{
    if (range.last < range.first)
        std::swap(range.first, range.last);
    // Everything that overlaps or touches becomes one range.
    const std::uint32_t before = range.first == 0 ? 0 : range.first - 1;
    const auto from = std::ranges::lower_bound(ranges_, before, {}, &NumberRange::last);
    auto until = from;
    for (; until != ranges_.end() && (until->first <= range.last || until->first - 1 == range.last); ++until) {
        range.first = std::min(range.first, until->first);
        range.last = std::max(range.last, until->last);
    }
    if (from == until) {
        ranges_.insert(from, range);
        return;
    }
    *from = range;
    ranges_.erase(from + 1, until);
}

bool NumberSet::contains(std::uint32_t number) const { return overlaps({number, number}); }

bool NumberSet::overlaps(NumberRange range) const
{
    const auto found = reaching(ranges_, range.first);
    return found != ranges().end() && found->first <= range.last;
}

std::uint64_t NumberSet::count() const
{
    std::uint64_t sum = 0;
    for (const NumberRange& range : ranges_)
        sum += std::uint64_t{range.last} - range.first + 1;
    return sum;
}

std::string NumberSet::text() const
{
    std::string text;
    for (const NumberRange& range : ranges_) {
        if (!text.empty())
            text += ',';
        if (range.first == range.last)
            fmt::format_to(std::back_inserter(text), "{}", range.first);
        else
            fmt::format_to(std::back_inserter(text), "{}:{}", range.first, range.last);
    }
    return text;
}

}  // namespace posthouse::mailbox
