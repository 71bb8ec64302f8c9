#include "imap/server/search_context.h"

#include "imap/server/fetch.h"
#include "imap/server/searcher.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using mailbox::NumberSet;

// "* ESEARCH (TAG "b") UID ADDTO (0 7:9)": position 0, for the order of a SEARCH is nobody's business.
void write_change(Serializer& out, const SearchContext& context, std::string_view word, const NumberSet& uids,
                  const mailbox::Snapshot& numbering)
{
    const NumberSet numbers = context.by_uid ? uids : positions_of_uids(numbering, uids);
    if (numbers.empty())
        return;
    out.raw("* ESEARCH (TAG ").string(context.tag).raw(context.by_uid ? ") UID " : ") ").raw(word);
    out.raw(" (0 ").raw(numbers.text()).raw(")\r\n");
}

NumberSet from(const NumberSet& uids, mailbox::Uid first)
{
    NumberSet kept;
    for (const auto& range : uids.ranges())
        if (range.last >= first)
            kept.add({std::max(range.first, first), range.last});
    return kept;
}

void remove(NumberSet& from, const NumberSet& gone) { from = without(from, gone); }

}  // namespace

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
    for (SearchContext& context : contexts_) {
        NumberSet removed;
        for (const auto& range : gone.ranges())
            for (mailbox::Uid uid = range.first; uid <= range.last; ++uid)
                if (context.uids.contains(uid))
                    removed.add(uid);
        write_change(out, context, "REMOVEFROM", removed, *view.numbering);
        remove(context.uids, removed);
    }
}

Task<Result<void>> SearchContexts::tell_changes(Session& session)
{
    for (SearchContext& context : contexts_) {
        const View& view = session.view();
        if (context.seen == view.told)
            continue;
        const NumberSet changed = changed_uids(*context.seen, *view.told);
        const mailbox::Uid first_new = context.seen->uid_next;
        context.seen = view.told;
        // The program was good once; a set in it that is none any more fits nothing.
        auto searcher = Searcher::make(session, context.program, scope_of(session), context.tag);
        if (!searcher)
            continue;
        const Result<void> done = co_await searcher->run(positions_of_uids(*view.numbering, changed));
        if (!done)
            co_return done;
        NumberSet fits;
        for (const std::uint32_t position : searcher->found())
            fits.add(view.numbering->at(position).uid);
        NumberSet added;
        NumberSet removed;
        for (const auto& range : changed.ranges())
            for (mailbox::Uid uid = range.first; uid <= range.last; ++uid)
                if (fits.contains(uid) != context.uids.contains(uid))
                    (fits.contains(uid) ? added : removed).add(uid);
        // RFC 5465 section 7: EXISTS, then FETCH of what is new, then ESEARCH.
        if (!context.of_new.empty()) {
            const Result<void> fetched = co_await tell_attributes(
                session, context.of_new, positions_of_uids(*view.numbering, from(added, first_new)));
            if (!fetched && fetched.error() == ErrorCode::closed)
                co_return fetched;
        }
        write_change(session.out(), context, "REMOVEFROM", removed, *view.numbering);
        write_change(session.out(), context, "ADDTO", added, *view.numbering);
        remove(context.uids, removed);
        for (const auto& range : added.ranges())
            context.uids.add(range);
    }
    co_return Result<void>{};
}

}  // namespace posthouse::imap
