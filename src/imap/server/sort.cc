// SORT and UID SORT: RFC 5256, RFC 5957 (DISPLAYFROM, DISPLAYTO), RFC 5267 (ESORT), RFC 6203 (RELEVANCY).
#include "imap/server/sort_key.h"

#include "imap/server/commands.h"
#include "imap/server/rows_of.h"
#include "imap/server/search.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

bool asks_relevancy(const SortCriterion& criterion) { return criterion.key == SortCriterion::Key::relevancy; }

// RFC 6203 section 6: the highest first.
SortValue by_relevancy(std::uint8_t relevancy) { return {.number = -std::int64_t{relevancy}, .text = {}}; }

// The positions in `found`, in their new order.
Task<Result<std::vector<std::uint32_t>>> sorted(Session& session, const Searcher& searcher,
                                                const std::vector<SortCriterion>& criteria, std::string tag)
{
    const SearchScope& scope = searcher.scope();
    const std::vector<std::uint32_t>& found = searcher.found();
    std::vector<SortRecord> records;
    records.reserve(found.size());
    const auto add = [&](std::uint32_t position, const mailbox::Entry& entry, const mailbox::Email* email) {
        SortRecord record{.position = position, .values = {}};
        for (const SortCriterion& criterion : criteria)
            record.values.push_back(asks_relevancy(criterion) ? by_relevancy(searcher.relevancy_of(position))
                                                              : sort_value(criterion.key, entry, email));
        records.push_back(std::move(record));
    };
    if (std::ranges::any_of(criteria, needs_row, &SortCriterion::key)) {
        Progress progress(session, std::move(tag), "sorting");
        const Result<void> read = co_await for_each_row(scope, found, progress, add);
        if (!read)
            co_return fail(read.error());
    } else {
        for (const std::uint32_t position : found)
            add(position, scope.entry_at(position), nullptr);
    }
    sort_records(records, criteria);
    std::vector<std::uint32_t> positions;
    positions.reserve(records.size());
    for (const SortRecord& record : records)
        positions.push_back(record.position);
    co_return positions;
}

}  // namespace

// RFC 5267 section 4.3, as for SEARCH. What is not told of (capability.cc) is not known either.
std::optional<Reply> check_sort(Session& session, const Command& command)
{
    if (session.options().message_limit != 0)
        return Reply::bad("unknown command SORT");
    if (std::get<SortArguments>(command.arguments).result.update && session.contexts().has(command.tag))
        return Reply::bad("SORT: a search is kept up to date under this tag");
    return std::nullopt;
}

Task<Reply> sort(Session& session, Command command)
{
    const auto& arguments = std::get<SortArguments>(command.arguments);
    const AnswerForm form{.tag = command.tag, .by_uid = command.by_uid, .with_modseq = asks_modseq(arguments.program)};
    if (form.with_modseq)
        session.enable_condstore();
    const Result<void> told = co_await session.tell_updates(Expunges::held_back);
    if (!told)
        co_return refusal(told.error());
    const Ranking ranking =
        std::ranges::any_of(arguments.criteria, asks_relevancy) ? Ranking::by_relevancy : ranking_of(arguments.result);
    auto searcher = Searcher::make(session, arguments.program, scope_of(session), command.tag, ranking);
    if (!searcher)
        co_return std::move(searcher.error());
    const Result<void> done = co_await searcher->run();
    if (!done)
        co_return refusal(done.error());
    const Result<std::vector<std::uint32_t>> positions =
        co_await sorted(session, *searcher, arguments.criteria, command.tag);
    if (!positions)
        co_return refusal(positions.error());
    if (arguments.result.update)  // RFC 5267 section 4.3.1: only searches are kept up to date here
        session.out().raw("* NO [NOUPDATE ").string(command.tag).raw("] a SORT is not kept up to date\r\n");
    if (arguments.result.save)
        save(session.view(), *positions, arguments.result);
    answer_search(session, "SORT", hits_of(*searcher, *positions, command.by_uid), arguments.result, form);
    co_return Reply::ok("sorted");
}

}  // namespace posthouse::imap
