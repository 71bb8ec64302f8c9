#include "imap/server/message_limit.h"

#include <algorithm>

namespace posthouse::imap {

using mailbox::NumberSet;

namespace {

std::string code(const Session& session, std::optional<mailbox::Uid> lowest)
{
    return "MESSAGELIMIT " + std::to_string(session.options().message_limit) +
        (lowest ? " " + std::to_string(*lowest) : "");
}

// Where a message must be to fit what has been read of a program; nullopt: anywhere.
using Where = std::optional<NumberSet>;

Where where_by_key(const SearchKey& key, const SearchScope& scope)
{
    switch (key.kind) {
    case SearchKey::Kind::numbers: return positions_there(*scope.numbering, key.set, scope.saved);
    case SearchKey::Kind::uids: return positions_of(*scope.numbering, key.set, true, scope.saved);
    case SearchKey::Kind::saved: return positions_of_uids(*scope.numbering, scope.saved);
    default: return std::nullopt;
    }
}

Where in_all(std::span<Where> operands)
{
    Where all;
    for (Where& operand : operands)
        if (operand)
            all = all ? intersection(*all, *operand) : std::move(*operand);
    return all;
}

Where in_either(const Where& left, const Where& right)
{
    if (!left || !right)
        return std::nullopt;
    std::vector<mailbox::NumberRange> ranges;  // rising, each add is cheap (HOSTILE A16)
    std::ranges::merge(left->ranges(), right->ranges(), std::back_inserter(ranges), {}, &mailbox::NumberRange::first,
                       &mailbox::NumberRange::first);
    NumberSet either;
    for (const auto& range : ranges)
        either.add(range);
    return either;
}

// As Matcher::match(): the program is in postfix order.
Where where_by_program(const SearchProgram& program, const SearchScope& scope)
{
    std::vector<Where> stack;
    for (const SearchKey& key : program.keys) {
        switch (key.kind) {
        case SearchKey::Kind::negation: stack.back() = std::nullopt; break;
        case SearchKey::Kind::any_of: {
            const Where right = std::move(stack.back());
            stack.pop_back();
            stack.back() = in_either(stack.back(), right);
            break;
        }
        case SearchKey::Kind::all_of: {
            const auto count = static_cast<std::size_t>(key.number);
            Where all = in_all(std::span(stack).last(count));
            stack.resize(stack.size() - count);
            stack.push_back(std::move(all));
            break;
        }
        default: stack.push_back(where_by_key(key, scope));
        }
    }
    return std::move(stack.back());
}

}  // namespace

Portion allowed(Session& session, NumberSet positions)
{
    if (!is_too_much(session, positions))
        return {std::move(positions)};
    const PartialRange last{.first = 1, .last = session.options().message_limit, .from_end = true};
    NumberSet newest = windowed(positions, last);
    const mailbox::Uid lowest = session.view().numbering->at(newest.ranges().front().first - 1).uid;
    return {std::move(newest), lowest};
}

NumberSet looked_at(const Session& session, const SearchProgram& program, const SearchScope& scope)
{
    const Where where = session.options().message_limit == 0 ? std::nullopt : where_by_program(program, scope);
    if (where)
        return *where;
    NumberSet everything;
    if (scope.numbering->size() > 0)
        everything.add({1, scope.numbering->size()});
    return everything;
}

Portion searched(Session& session, const SearchProgram& program, const SearchScope& scope)
{
    return allowed(session, looked_at(session, program, scope));
}

Reply limited(Session& session, Reply reply, const Portion& portion)
{
    if (!portion.lowest)
        return reply;
    const std::string text = "no more than the last " + std::to_string(session.options().message_limit) + " messages";
    if (reply.kind == Reply::Kind::ok && reply.code.empty())
        return Reply::ok(reply.text + ", but " + text, code(session, portion.lowest));
    session.out().raw("* NO [").raw(code(session, portion.lowest)).raw("] ").raw(text).crlf();
    return reply;
}

Reply refused_as_too_many(const Session& session, std::optional<mailbox::Uid> lowest)
{
    return Reply::no("so many messages are not dealt with at once; try fewer", code(session, lowest));
}

NumberSet windowed(const NumberSet& positions, const PartialRange& window)
{
    const std::uint64_t count = positions.count();
    std::uint64_t skip = window.first - 1;
    std::uint64_t left = std::uint64_t{window.last} - window.first + 1;
    if (window.from_end) {
        left = count > skip ? std::min<std::uint64_t>(left, count - skip) : 0;
        skip = count > skip + left ? count - skip - left : 0;
    }
    NumberSet kept;
    for (const auto& range : positions.ranges()) {
        const std::uint64_t size = std::uint64_t{range.last} - range.first + 1;
        const std::uint64_t from = std::min(skip, size);
        const std::uint64_t taken = std::min(left, size - from);
        if (taken > 0)
            kept.add({static_cast<std::uint32_t>(range.first + from),
                      static_cast<std::uint32_t>(range.first + from + taken - 1)});
        skip -= from;
        left -= taken;
    }
    return kept;
}

std::vector<mailbox::NumberRange> falling(const NumberSet& positions)
{
    std::vector<mailbox::NumberRange> one_by_one;
    one_by_one.reserve(positions.count());
    for (const auto& range : positions.ranges())
        for (std::uint32_t number = range.first;; ++number) {
            one_by_one.push_back({number, number});
            if (number == range.last)
                break;
        }
    std::ranges::reverse(one_by_one);
    return one_by_one;
}

}  // namespace posthouse::imap
