#include "imap/server/sorted_result.h"

#include "imap/server/rows_of.h"
#include "imap/server/view.h"

#include <algorithm>
#include <bit>

namespace posthouse::imap {

using mailbox::NumberSet;
using mailbox::Uid;

std::vector<SortedResult::Change> SortedResult::remove(const NumberSet& gone)
{
    std::vector<Change> changes;
    if (gone.empty())
        return changes;
    std::vector<Uid> left;
    left.reserve(uids_.size());
    bool in_run = false;
    for (const Uid uid : uids_) {
        const bool goes = gone.contains(uid);
        if (!goes)
            left.push_back(uid);
        else if (in_run)
            changes.back().uids.push_back(uid);
        else
            changes.push_back({static_cast<std::uint32_t>(left.size() + 1), {uid}});
        in_run = goes;
    }
    uids_ = std::move(left);
    return changes;
}

Task<Result<std::vector<SortedResult::Change>>> SortedResult::add(Session& session, SearchScope scope, NumberSet fresh,
                                                                  std::string tag)
{
    std::vector<Change> changes;
    std::vector<std::uint32_t> positions;
    const NumberSet numbers = positions_of_uids(*scope.numbering, fresh);
    for (const auto& range : numbers.ranges())
        for (std::uint32_t number = range.first; number <= range.last; ++number)
            positions.push_back(number - 1);
    if (positions.empty())
        co_return changes;
    Result<std::vector<SortRecord>> arrivals = co_await records(session, scope, std::move(positions), tag);
    if (!arrivals)
        co_return fail(arrivals.error());
    sort_records(*arrivals, criteria_);
    const Result<std::vector<std::size_t>> places = co_await this->places(session, scope, *arrivals, tag);
    if (!places)
        co_return fail(places.error());

    std::vector<Uid> merged;
    merged.reserve(uids_.size() + arrivals->size());
    auto next = uids_.begin();
    for (std::size_t i = 0; i < arrivals->size(); ++i) {
        const auto before = uids_.begin() + static_cast<std::ptrdiff_t>((*places)[i]);
        if (i == 0 || before != next)
            changes.push_back({static_cast<std::uint32_t>((*places)[i] + i + 1), {}});
        merged.insert(merged.end(), next, before);
        next = before;
        merged.push_back(scope.numbering->at((*arrivals)[i].position).uid);
        changes.back().uids.push_back(merged.back());
    }
    merged.insert(merged.end(), next, uids_.end());
    uids_ = std::move(merged);
    co_return changes;
}

Task<Result<std::vector<SortRecord>>> SortedResult::records(Session& session, const SearchScope& scope,
                                                            std::vector<std::uint32_t> positions, std::string tag) const
{
    std::vector<SortRecord> records;
    records.reserve(positions.size());
    const auto add = [&](std::uint32_t position, const mailbox::Entry& entry, const mailbox::Email* email) {
        records.push_back(sort_record(criteria_, position, entry, email));
    };
    const Result<void> read = co_await for_each_to_sort(session, scope, positions, criteria_, std::move(tag), add);
    if (!read)
        co_return fail(read.error());
    co_return records;
}

// Before how many of what is there each belongs; `fresh` is in order.
Task<Result<std::vector<std::size_t>>> SortedResult::places(Session& session, const SearchScope& scope,
                                                            const std::vector<SortRecord>& fresh, std::string tag) const
{
    std::vector<std::size_t> places;
    if (fresh.size() * std::bit_width(uids_.size()) < uids_.size()) {
        for (const SortRecord& record : fresh) {
            const std::size_t from = places.empty() ? 0 : places.back();
            const Result<std::size_t> place = co_await this->place(session, scope, record, from, tag);
            if (!place)
                co_return fail(place.error());
            places.push_back(*place);
        }
        co_return places;
    }
    // Past all of them, once.
    std::vector<std::uint32_t> positions;
    positions.reserve(uids_.size());
    for (const Uid uid : uids_)
        positions.push_back(scope.numbering->position_of(uid));
    std::size_t passed = 0;
    const auto pass = [&](std::uint32_t position, const mailbox::Entry& entry, const mailbox::Email* email) {
        const SortRecord known = sort_record(criteria_, position, entry, email);
        while (places.size() < fresh.size() && comes_before(fresh[places.size()], known, criteria_))
            places.push_back(passed);
        ++passed;
    };
    const Result<void> read = co_await for_each_to_sort(session, scope, positions, criteria_, std::move(tag), pass);
    if (!read)
        co_return fail(read.error());
    places.resize(fresh.size(), uids_.size());
    co_return places;
}

Task<Result<std::size_t>> SortedResult::place(Session& session, const SearchScope& scope, const SortRecord& fresh,
                                              std::size_t from, std::string tag) const
{
    std::size_t end = uids_.size();
    while (from < end) {
        const std::size_t middle = from + (end - from) / 2;
        const std::vector<std::uint32_t> position{scope.numbering->position_of(uids_[middle])};
        const Result<std::vector<SortRecord>> known = co_await records(session, scope, position, tag);
        if (!known)
            co_return fail(known.error());
        if (comes_before(fresh, known->front(), criteria_))
            end = middle;
        else
            from = middle + 1;
    }
    co_return from;
}

}  // namespace posthouse::imap
