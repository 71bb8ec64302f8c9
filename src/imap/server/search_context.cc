#include "imap/server/search_context.h"

#include "imap/server/fetch.h"
#include "imap/server/search_answer.h"
#include "imap/server/searcher.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using mailbox::NumberSet;

void begin_change(Serializer& out, const SearchContext& context, std::string_view word)
{
    out.raw("* ESEARCH (TAG ").string(context.tag).raw(context.by_uid ? ") UID " : ") ").raw(word).raw(" (");
}

// "* ESEARCH (TAG "b") UID ADDTO (0 7:9)": position 0, for the order of a SEARCH is nobody's business.
void write_change(Serializer& out, const SearchContext& context, std::string_view word, const NumberSet& uids,
                  const mailbox::Snapshot& numbering)
{
    const NumberSet numbers = context.by_uid ? uids : positions_of_uids(numbering, uids);
    if (numbers.empty())
        return;
    begin_change(out, context, word);
    out.raw("0 ").raw(numbers.text()).raw(")\r\n");
}

// "* ESEARCH (TAG "b") UID ADDTO (3 12,7 9 4)": where, what, and so on; in the order of the SORT.
void write_changes(Serializer& out, const SearchContext& context, std::string_view word,
                   const std::vector<SortedResult::Change>& changes, const mailbox::Snapshot& numbering)
{
    if (changes.empty())
        return;
    begin_change(out, context, word);
    std::string_view before;
    for (const SortedResult::Change& change : changes) {
        Hits hits;
        for (const mailbox::Uid uid : change.uids)
            hits.push_back(
                {.number = context.by_uid ? uid : numbering.position_of(uid) + 1, .modseq = 0, .relevancy = 0});
        out.raw(std::exchange(before, " ")).number(change.position).raw(" ").raw(numbers_text(hits));
    }
    out.raw(")\r\n");
}

NumberSet from(const NumberSet& uids, mailbox::Uid first)
{
    NumberSet kept;
    for (const auto& range : uids.ranges())
        if (range.last >= first)
            kept.add({std::max(range.first, first), range.last});
    return kept;
}

// What has changed of messages that had a number, and those that have got one. While expunges are held back, arrivals
// are as well, though `told` has them already.
NumberSet changed_since(const SearchContext& context, const View& view)
{
    NumberSet uids;
    const NumberSet changed = changed_uids(*context.seen, *view.told);
    for (const auto& range : changed.ranges())
        if (range.first < context.next)
            uids.add({range.first, std::min(range.last, context.next - 1)});
    for (std::uint32_t at = view.numbering->position_of(context.next); at < view.size(); ++at)
        uids.add(view.numbering->at(at).uid);
    return uids;
}

void tell_removed(Serializer& out, SearchContext& context, const NumberSet& removed, const mailbox::Snapshot& numbering)
{
    if (context.sorted)
        write_changes(out, context, "REMOVEFROM", context.sorted->remove(removed), numbering);
    else
        write_change(out, context, "REMOVEFROM", removed, numbering);
    context.uids = without(context.uids, removed);
}

Task<Result<void>> tell_added(Session& session, SearchContext& context, NumberSet added)
{
    const mailbox::SnapshotPtr numbering = session.view().numbering;
    if (context.sorted) {
        const auto changes = co_await context.sorted->add(session, scope_of(session), added, context.tag);
        if (!changes)
            co_return fail(changes.error());
        write_changes(session.out(), context, "ADDTO", *changes, *numbering);
    } else {
        write_change(session.out(), context, "ADDTO", added, *numbering);
    }
    for (const auto& range : added.ranges())
        context.uids.add(range);
    co_return Result<void>{};
}

}  // namespace

bool SearchContexts::is_full(Sorted sorted) const
{
    const auto is_sorted = [](const SearchContext& context) { return context.sorted.has_value(); };
    return contexts_.size() >= most ||
        (sorted == Sorted::yes && static_cast<std::size_t>(std::ranges::count_if(contexts_, is_sorted)) >= most_sorted);
}

void SearchContexts::add(SearchContext context, std::span<const std::uint32_t> found, const View& view)
{
    std::vector<std::uint32_t> rising(found.begin(), found.end());
    std::ranges::sort(rising);
    for (const std::uint32_t position : rising)
        context.uids.add(view.numbering->at(position).uid);
    contexts_.push_back(std::move(context));
}

bool SearchContexts::cancel(std::string_view tag)
{
    return std::erase_if(contexts_, [&](const SearchContext& context) { return context.tag == tag; }) > 0;
}

bool SearchContexts::has(std::string_view tag) const
{
    return std::ranges::any_of(contexts_, [&](const SearchContext& context) { return context.tag == tag; });
}

void SearchContexts::tell_gone(Serializer& out, const View& view, const mailbox::Snapshot& newest)
{
    if (contexts_.empty())
        return;
    const NumberSet gone = vanished_uids(*view.numbering, newest);
    for (SearchContext& context : contexts_)
        tell_removed(out, context, intersection(context.uids, gone), *view.numbering);
}

Task<Result<void>> SearchContexts::tell_changes(Session& session)
{
    for (SearchContext& context : contexts_) {
        if (context.seen == session.view().told && context.next == session.view().numbering->uid_next)
            continue;
        const Result<void> told = co_await tell_changes(session, context);
        if (!told && told.error() == ErrorCode::closed)
            co_return told;
    }
    co_return Result<void>{};
}

// What could not be read now is looked at again the next time.
Task<Result<void>> SearchContexts::tell_changes(Session& session, SearchContext& context)
{
    const View& view = session.view();
    const NumberSet changed = changed_since(context, view);
    // The program was good once; a set in it that is none any more fits nothing.
    auto searcher = Searcher::make(session, context.program, scope_of(session), context.tag);
    if (!searcher)
        co_return Result<void>{};
    const Result<void> done = co_await searcher->run(positions_of_uids(*view.numbering, changed));
    if (!done)
        co_return done;
    NumberSet fits;
    for (const std::uint32_t position : searcher->found())
        fits.add(view.numbering->at(position).uid);
    const NumberSet added = without(fits, context.uids);
    const NumberSet removed = without(intersection(changed, context.uids), fits);
    // RFC 5465 section 7: EXISTS, then FETCH of what is new, then ESEARCH.
    if (!context.of_new.empty()) {
        const Result<void> fetched = co_await tell_attributes(
            session, context.of_new, positions_of_uids(*view.numbering, from(added, context.next)));
        if (!fetched && fetched.error() == ErrorCode::closed)
            co_return fetched;
    }
    tell_removed(session.out(), context, removed, *view.numbering);
    const Result<void> told = co_await tell_added(session, context, added);
    if (told) {
        context.seen = view.told;
        context.next = view.numbering->uid_next;
    }
    co_return told;
}

}  // namespace posthouse::imap
