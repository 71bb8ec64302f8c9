// SORT and UID SORT: RFC 5256, RFC 5957 (DISPLAYFROM, DISPLAYTO), RFC 5267 (ESORT), RFC 6203 (RELEVANCY).
#include "imap/server/sort_key.h"

#include "imap/server/commands.h"
#include "imap/server/rows_of.h"
#include "imap/server/search.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

bool asks_relevancy(const SortCriterion& criterion) { return criterion.key == SortCriterion::Key::relevancy; }

// The positions in `found`, in their new order.
Task<Result<std::vector<std::uint32_t>>> sorted(Session& session, const Searcher& searcher,
                                                const std::vector<SortCriterion>& criteria, std::string tag)
{
    const std::vector<std::uint32_t>& found = searcher.found();
    std::vector<SortRecord> records;
    records.reserve(found.size());
    const auto add = [&](std::uint32_t position, const mailbox::Entry& entry, const mailbox::Email* email) {
        records.push_back(sort_record(criteria, position, entry, email, searcher.relevancy_of(position)));
    };
    const Result<void> read =
        co_await for_each_to_sort(session, searcher.scope(), found, criteria, std::move(tag), add);
    if (!read)
        co_return fail(read.error());
    sort_records(records, criteria);
    std::vector<std::uint32_t> positions;
    positions.reserve(records.size());
    for (const SortRecord& record : records)
        positions.push_back(record.position);
    co_return positions;
}

// RFC 5267 section 4.3.1: why it is not kept up to date; empty: it is.
std::string_view reason_not_to_keep(Session& session, const std::vector<SortCriterion>& criteria)
{
    if (session.contexts().is_full(SearchContexts::Sorted::yes))
        return "too many searches are kept up to date";
    if (session.view().size() > SortedResult::most_messages)
        return "so large a mailbox is not kept in order";
    if (std::ranges::any_of(criteria, asks_relevancy))
        return "an order by relevancy is not kept up to date";
    return {};
}

void keep_up_to_date(Session& session, const Command& command, const std::vector<std::uint32_t>& positions)
{
    const auto& arguments = std::get<SortArguments>(command.arguments);
    const std::string_view reason = reason_not_to_keep(session, arguments.criteria);
    if (!reason.empty())
        return refuse_to_keep(session, command.tag, reason);
    std::vector<mailbox::Uid> uids;
    uids.reserve(positions.size());
    for (const std::uint32_t position : positions)
        uids.push_back(session.view().numbering->at(position).uid);
    SearchContext context = context_of(session, command, arguments.program, arguments.result);
    context.sorted.emplace(arguments.criteria, std::move(uids));
    session.contexts().add(std::move(context), positions, session.view());
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
    if (arguments.result.save)
        save(session.view(), *positions, arguments.result);
    if (arguments.result.update)
        keep_up_to_date(session, command, *positions);
    answer_search(session, "SORT", hits_of(*searcher, *positions, command.by_uid), arguments.result, form);
    co_return Reply::ok("sorted");
}

}  // namespace posthouse::imap
