#include "imap/server/view.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <span>

namespace posthouse::imap {

namespace {

using mailbox::Block;
using mailbox::Entry;
using mailbox::FlagBits;
using mailbox::KeywordTable;
using mailbox::NumberSet;
using mailbox::Snapshot;
using mailbox::SnapshotPtr;
using mailbox::Uid;

constexpr std::size_t most_recent_ranges = 64;

// Calls `each(old_entry, new_entry)` for every UID in blocks that the two snapshots do not share; one of
// both is nullptr where the UID is in the other only.
template <class Each> void for_each_difference(const Snapshot& before, const Snapshot& after, Each each)
{
    const auto entries_of = [](const std::vector<std::shared_ptr<const Block>>& blocks, std::size_t i,
                               Uid number) -> std::span<const Entry> {
        if (i < blocks.size() && blocks[i]->number == number)
            return blocks[i]->entries;
        return {};
    };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < before.blocks.size() || j < after.blocks.size()) {
        if (i < before.blocks.size() && j < after.blocks.size() && before.blocks[i] == after.blocks[j]) {
            ++i, ++j;
            continue;
        }
        Uid number = std::numeric_limits<Uid>::max();
        if (i < before.blocks.size())
            number = before.blocks[i]->number;
        if (j < after.blocks.size())
            number = std::min(number, after.blocks[j]->number);
        const auto old_entries = entries_of(before.blocks, i, number);
        const auto new_entries = entries_of(after.blocks, j, number);
        auto old = old_entries.begin();
        auto fresh = new_entries.begin();
        while (old != old_entries.end() || fresh != new_entries.end()) {
            if (fresh == new_entries.end() || (old != old_entries.end() && old->uid < fresh->uid)) {
                each(&*old++, nullptr);
            } else if (old == old_entries.end() || fresh->uid < old->uid) {
                each(nullptr, &*fresh++);
            } else {
                each(&*old++, &*fresh++);
            }
        }
        i += i < before.blocks.size() && before.blocks[i]->number == number;
        j += j < after.blocks.size() && after.blocks[j]->number == number;
    }
}

// Positions in `numbering` of what is not in `newest` any more, rising.
std::vector<std::uint32_t> vanished(const Snapshot& numbering, const Snapshot& newest)
{
    std::vector<std::uint32_t> positions;
    for_each_difference(numbering, newest, [&](const Entry* old, const Entry* fresh) {
        if (old != nullptr && fresh == nullptr)
            positions.push_back(numbering.position_of(old->uid));
    });
    return positions;
}

void write_expunges(Serializer& out, const Snapshot& numbering, const std::vector<std::uint32_t>& positions,
                    const Dialect& dialect)
{
    if (dialect.vanished) {
        NumberSet uids;
        for (const std::uint32_t position : positions)
            uids.add(numbering.at(position).uid);
        write_vanished(out, uids, When::now);
        return;
    }
    // From the end, so that no number is moved by an earlier line.
    for (std::size_t i = positions.size(); i-- > 0;)
        out.raw("* ").number(positions[i] + 1).raw(" EXPUNGE\r\n");
}

void write_fetch(Serializer& out, const View& view, const Entry& entry, const KeywordTable& keywords,
                 const UpdateOptions& options)
{
    begin_fetch(out, view.numbering->position_of(entry.uid) + 1, entry.uid, options.dialect);
    if ((options.with_uid || options.dialect.modseq) && !options.dialect.uid_only)
        out.raw("UID ").number(entry.uid).raw(" ");
    out.raw("FLAGS ");
    write_flags(out, entry, keywords, view.recent.contains(entry.uid));
    if (options.dialect.modseq)
        out.raw(" MODSEQ (").number(entry.modseq).raw(")");
    out.raw(")\r\n");
}

// Does the client have to hear of this message's flags?
bool must_tell(const Entry& old, const Entry& fresh, const UpdateOptions& options)
{
    if (options.skip != nullptr && options.skip->contains(fresh.uid))
        return false;
    if (options.echo != nullptr && options.echo->contains(fresh.uid))
        return true;
    if (options.silent != nullptr && options.silent->contains(fresh.uid))
        return fresh.flags != options.expected(old.flags) || options.dialect.modseq;
    return fresh.flags != old.flags || (options.dialect.modseq && fresh.modseq != old.modseq);
}

void write_flag_changes(Serializer& out, const View& view, const Snapshot& newest, const UpdateOptions& options)
{
    // What is echoed although nothing in its block has changed.
    NumberSet done;
    for_each_difference(*view.told, newest, [&](const Entry* old, const Entry* fresh) {
        if (old == nullptr || fresh == nullptr || !must_tell(*old, *fresh, options))
            return;
        if (view.numbering->find(fresh->uid) == nullptr)
            return;
        write_fetch(out, view, *fresh, *newest.keywords, options);
        if (options.echo != nullptr)
            done.add(fresh->uid);
    });
    if (options.echo == nullptr)
        return;
    for (const auto& range : options.echo->ranges()) {
        for (std::uint32_t at = newest.position_of(range.first); at < newest.size() && newest.at(at).uid <= range.last;
             ++at) {
            const Entry& entry = newest.at(at);
            if (!done.contains(entry.uid) && view.numbering->find(entry.uid) != nullptr)
                write_fetch(out, view, entry, *newest.keywords, options);
        }
    }
}

void keep_bounded(RecentUids& recent)
{
    if (recent.ranges().size() <= most_recent_ranges)
        return;
    RecentUids kept;
    for (const auto& range : recent.ranges().last(most_recent_ranges / 2))
        kept.add(range);
    recent = std::move(kept);
}

// RFC 4314 section 4.
bool may_change(std::string_view flag, mailbox::Rights rights)
{
    using mailbox::Right;
    if (flag == "\\Deleted")
        return rights.has(Right::remove_messages);
    return rights.has(flag == "\\Seen" ? Right::keep_seen : Right::write);
}

std::uint32_t count_recent(const Snapshot& snapshot, const RecentUids& recent)
{
    std::uint32_t count = 0;
    for (const auto& range : recent.ranges())
        count += snapshot.position_of(range.last + 1) - snapshot.position_of(range.first);
    return count;
}

}  // namespace

void write_flags(Serializer& out, const Entry& entry, const KeywordTable& keywords, bool is_recent)
{
    constexpr std::array names{"\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\Seen"};
    static_assert(names.size() == mailbox::system_flags);
    std::string_view before = "(";
    const auto add = [&](std::string_view name) {
        out.raw(before).raw(name);
        before = " ";
    };
    for (std::size_t word = 0; word < 2; ++word) {
        for (std::uint64_t bits = entry.flags.words()[word]; bits != 0; bits &= bits - 1) {
            const std::size_t bit = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
            if (bit < names.size())
                add(names[bit]);
            else if (bit - names.size() < keywords.names.size())
                add(keywords.names[bit - names.size()]);
        }
    }
    if (is_recent)
        add("\\Recent");
    out.raw(before == "(" ? "()" : ")");
}

NumberSet vanished_uids(const Snapshot& before, const Snapshot& after)
{
    NumberSet uids;
    for_each_difference(before, after, [&](const Entry* old, const Entry* fresh) {
        if (fresh == nullptr)
            uids.add(old->uid);
    });
    return uids;
}

NumberSet changed_uids(const Snapshot& before, const Snapshot& after)
{
    NumberSet uids;
    for_each_difference(before, after, [&](const Entry* old, const Entry* fresh) {
        if (fresh != nullptr && (old == nullptr || old->modseq != fresh->modseq))
            uids.add(fresh->uid);
    });
    return uids;
}

void begin_fetch(Serializer& out, std::uint32_t number, Uid uid, const Dialect& dialect)
{
    out.raw("* ").number(dialect.uid_only ? uid : number).raw(dialect.uid_only ? " UIDFETCH (" : " FETCH (");
}

void write_vanished(Serializer& out, const NumberSet& uids, When when)
{
    if (!uids.empty())
        out.raw("* VANISHED ").raw(when == When::earlier ? "(EARLIER) " : "").raw(uids.text()).crlf();
}

void write_exists(Serializer& out, View& view, RecentClaims& claims, const Dialect& dialect)
{
    const Snapshot& now = *view.numbering;
    if (!dialect.recent) {
        out.raw("* ").number(now.size()).raw(" EXISTS\r\n");
        return;
    }
    const Uid from =
        view.read_only ? claims.unclaimed_from(view.account->id(), now) : claims.claim(view.account->id(), now);
    if (from < now.uid_next) {
        view.recent.add({from, now.uid_next - 1});
        keep_bounded(view.recent);
    }
    out.raw("* ").number(now.size()).raw(" EXISTS\r\n* ");
    out.number(count_recent(now, view.recent)).raw(" RECENT\r\n");
}

// RFC 4314 section 5.1.1: those that one has the right to change.
void write_flag_lists(Serializer& out, const KeywordTable& keywords, const View& view)
{
    std::vector<std::string> names{"\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"};
    names.insert(names.end(), keywords.names.begin(), keywords.names.end());
    out.raw("* FLAGS ").flags(names).crlf();
    if (keywords.names.size() < mailbox::most_keywords)
        names.emplace_back("\\*");  // RFC 3501 section 7.1: new keywords can be made
    std::erase_if(names, [&view](const std::string& name) { return view.read_only || !may_change(name, view.rights); });
    out.raw("* OK [PERMANENTFLAGS ").flags(names).raw("] ");
    out.raw(view.read_only ? "nothing can be changed here" : "these are kept").crlf();
}

void update(View& view, const SnapshotPtr& newest, RecentClaims& claims, const UpdateOptions& options, Serializer& out)
{
    if (newest == view.numbering && newest == view.told && options.echo == nullptr)
        return;
    if (newest->highest_modseq < view.told->highest_modseq)
        return;  // an answer that was overtaken: the next update brings more than it
    if (newest->keywords->names.size() != view.told->keywords->names.size())
        write_flag_lists(out, *newest->keywords, view);

    if (newest != view.numbering) {
        const std::vector<std::uint32_t> gone = vanished(*view.numbering, *newest);
        if (gone.empty() || options.expunges == Expunges::told) {
            write_expunges(out, *view.numbering, gone, options.dialect);
            const auto left = view.numbering->size() - static_cast<std::uint32_t>(gone.size());
            view.numbering = newest;
            if (newest->size() != left)
                write_exists(out, view, claims, options.dialect);
        }
    }
    write_flag_changes(out, view, *newest, options);
    view.told = newest;
}

NumberSet positions_of_uids(const Snapshot& numbering, const NumberSet& uids)
{
    NumberSet positions;
    for (const auto& range : uids.ranges()) {
        const std::uint32_t begin = numbering.position_of(range.first);
        const std::uint32_t end =
            range.last == std::numeric_limits<Uid>::max() ? numbering.size() : numbering.position_of(range.last + 1);
        if (begin < end)
            positions.add({begin + 1, end});
    }
    return positions;
}

std::optional<NumberSet> positions_of(const View& view, const SequenceSet& set, bool by_uid)
{
    return positions_of(*view.numbering, set, by_uid, view.saved);
}

std::optional<NumberSet> positions_of(const Snapshot& numbering, const SequenceSet& set, bool by_uid,
                                      const NumberSet& saved)
{
    if (set.is_saved)
        return positions_of_uids(numbering, saved);
    std::vector<mailbox::NumberRange> found;
    const std::uint32_t size = numbering.size();
    const std::uint32_t last = size == 0 ? 0 : by_uid ? numbering.at(size - 1).uid : size;
    for (const SequenceSet::Item& item : set.items) {
        const bool has_star = item.first == SequenceSet::star || item.last == SequenceSet::star;
        std::uint32_t low = item.first == SequenceSet::star ? last : item.first;
        std::uint32_t high = item.last == SequenceSet::star ? last : item.last;
        if (low > high)
            std::swap(low, high);
        if (size == 0 && (by_uid || has_star))
            continue;  // `*` names nothing in an empty mailbox
        if (by_uid) {
            const std::uint32_t begin = numbering.position_of(low);
            const std::uint32_t end = high >= last ? size : numbering.position_of(high + 1);
            if (begin < end)
                found.push_back({begin + 1, end});
        } else if (high > size) {
            return std::nullopt;
        } else {
            found.push_back({low, high});
        }
    }
    std::ranges::sort(found, {}, &mailbox::NumberRange::first);  // rising, each add is cheap (HOSTILE A16)
    NumberSet positions;
    for (const auto& range : found)
        positions.add(range);
    return positions;
}

NumberSet intersection(const NumberSet& left, const NumberSet& right)
{
    NumberSet both;
    for (std::size_t i = 0, j = 0; i < left.ranges().size() && j < right.ranges().size();) {
        const auto a = left.ranges()[i];
        const auto b = right.ranges()[j];
        if (std::max(a.first, b.first) <= std::min(a.last, b.last))
            both.add({std::max(a.first, b.first), std::min(a.last, b.last)});
        (a.last < b.last ? i : j) += 1;
    }
    return both;
}

NumberSet positions_there(const Snapshot& numbering, const SequenceSet& set, const NumberSet& saved)
{
    const std::uint32_t size = numbering.size();
    SequenceSet there{.items = {}, .is_saved = set.is_saved};
    for (SequenceSet::Item item : set.items) {
        for (std::uint32_t* end : {&item.first, &item.last})
            *end = *end == SequenceSet::star ? size : *end;
        if (item.first > item.last)
            std::swap(item.first, item.last);
        if (size > 0 && item.first <= size)
            there.items.push_back({item.first, std::min(item.last, size)});
    }
    return positions_of(numbering, there, false, saved).value_or(NumberSet());
}

NumberSet within(const NumberSet& uids, const SequenceSet& set, Uid uid_next)
{
    const Uid last = std::max<Uid>(uid_next, 2) - 1;
    const auto number = [last](Uid n) { return n == SequenceSet::star ? last : n; };
    std::vector<mailbox::NumberRange> asked;
    for (const SequenceSet::Item& item : set.items)
        asked.push_back(
            {std::min(number(item.first), number(item.last)), std::max(number(item.first), number(item.last))});
    std::ranges::sort(asked, {}, &mailbox::NumberRange::first);
    NumberSet wanted;
    for (const auto& range : asked)
        wanted.add(range);
    return intersection(uids, wanted);
}

NumberSet without(const NumberSet& set, const NumberSet& gone)
{
    NumberSet left;
    std::size_t next = 0;
    for (auto range : set.ranges()) {
        while (next < gone.ranges().size() && gone.ranges()[next].last < range.first)
            ++next;
        bool is_used_up = false;
        for (std::size_t i = next; i < gone.ranges().size() && gone.ranges()[i].first <= range.last; ++i) {
            const auto hole = gone.ranges()[i];
            if (hole.first > range.first)
                left.add({range.first, hole.first - 1});
            is_used_up = hole.last >= range.last;
            if (is_used_up)
                break;
            range.first = hole.last + 1;
        }
        if (!is_used_up)
            left.add(range);
    }
    return left;
}

NumberSet gone_earlier(const View& view, const NumberSet& gone, const SequenceSet& set)
{
    const Snapshot& numbering = *view.numbering;
    return without(within(gone, set, view.told->uid_next), uids_at(numbering, positions_of_uids(numbering, gone)));
}

NumberSet uids_at(const Snapshot& numbering, const NumberSet& positions)
{
    NumberSet uids;
    for (const auto& range : positions.ranges())
        for (std::uint32_t at = range.first - 1; at < range.last; ++at)
            uids.add(numbering.at(at).uid);
    return uids;
}

}  // namespace posthouse::imap
