// SEARCH and UID SEARCH: RFC 3501 section 6.4.4, RFC 4731 (ESEARCH), RFC 5182 (SAVE), RFC 7162 (MODSEQ), RFC 6203
// (FUZZY).
#include "imap/server/search.h"

#include "imap/server/commands.h"
#include "imap/server/message_limit.h"

#include <algorithm>

namespace posthouse::imap {

bool asks_modseq(const SearchProgram& program)
{
    return std::ranges::find(program.keys, SearchKey::Kind::modseq, &SearchKey::kind) != program.keys.end();
}

Ranking ranking_of(const SearchReturn& asked) { return asked.relevancy ? Ranking::by_relevancy : Ranking::none; }

Hits hits_of(const Searcher& searcher, std::span<const std::uint32_t> positions, bool by_uid)
{
    Hits hits;
    hits.reserve(positions.size());
    for (const std::uint32_t position : positions) {
        const mailbox::Entry& entry = searcher.scope().entry_at(position);
        hits.push_back({by_uid ? entry.uid : position + 1, entry.modseq, searcher.relevancy_of(position)});
    }
    return hits;
}

// RFC 5182 section 2.1, RFC 9394 section 3.2: with MIN, MAX or PARTIAL and without ALL and COUNT these are saved, else
// all that was found.
void save(View& view, std::span<const std::uint32_t> positions, const SearchReturn& asked)
{
    const bool saves_all = asked.all || asked.count || (!asked.min && !asked.max && !asked.partial);
    std::vector<std::uint32_t> kept;
    if (saves_all || positions.empty()) {
        kept.assign(positions.begin(), positions.end());
    } else {
        if (asked.partial) {
            const std::span<const std::uint32_t> part = cut(positions, *asked.partial);
            kept.assign(part.begin(), part.end());
        }
        if (asked.min)
            kept.push_back(positions.front());
        if (asked.max)
            kept.push_back(positions.back());
    }
    std::ranges::sort(kept);
    view.saved = {};
    for (const std::uint32_t position : kept)
        view.saved.add(view.numbering->at(position).uid);
}

void answer_search(Session& session, std::string_view word, const Hits& hits, const SearchReturn& asked,
                   const AnswerForm& form)
{
    // RFC 9051 section 6.4.4: in IMAP4rev2 every SEARCH is answered by ESEARCH. Not so SORT, which it does not know.
    if (!asked.is_extended && !(session.enabled().rev2 && word == "SEARCH")) {
        write_plain(session.out(), word, hits, form);
        return;
    }
    SearchReturn told = asked;
    told.all |= !asked.is_extended;
    // RFC 5182 section 2.1: SAVE alone tells nothing.
    if (told.min || told.max || told.all || told.count || told.partial || told.update || told.context || told.relevancy)
        write_extended(session.out(), hits, told, form);
}

namespace {

// RFC 5267 section 4.3: sequence numbers, and `$`, mean the messages that they meant when the command came.
SearchProgram with_numbers_fixed(SearchProgram program, const View& view)
{
    for (SearchKey& key : program.keys) {
        const bool is_saved = key.kind == SearchKey::Kind::saved || key.set.is_saved;
        if (!is_saved && key.kind != SearchKey::Kind::numbers)
            continue;
        const mailbox::NumberSet uids =
            is_saved ? view.saved : uids_at(*view.numbering, positions_there(*view.numbering, key.set, view.saved));
        key.kind = SearchKey::Kind::uids;
        key.set = {};
        for (const auto& range : uids.ranges())
            key.set.items.push_back({range.first, range.last});
    }
    return program;
}

}  // namespace

SearchContext context_of(Session& session, const Command& command, const SearchProgram& program,
                         const SearchReturn& asked)
{
    return {.tag = command.tag,
            .by_uid = command.by_uid,
            .program = with_numbers_fixed(program, session.view()),
            .of_new = asked.of_new,
            .uids = {},
            .sorted = std::nullopt,
            .seen = session.view().told,
            .next = session.view().numbering->uid_next};
}

void refuse_to_keep(Session& session, std::string_view tag, std::string_view reason)
{
    session.out().raw("* NO [NOUPDATE ").string(tag).raw("] ").raw(reason).crlf();
}

// RFC 6855 section 3: with UTF8=ACCEPT every string is in UTF-8. SORT and THREAD cannot do without a charset.
std::optional<Reply> check_charset(Session& session, const SearchProgram& program)
{
    if (session.enabled().utf8 && !program.charset.empty())
        return Reply::bad("SEARCH: no CHARSET behind ENABLE UTF8=ACCEPT");
    return std::nullopt;
}

// RFC 5267 section 4.3: what is kept up to date goes by its tag.
std::optional<Reply> check_search(Session& session, const Command& command)
{
    const auto& arguments = std::get<SearchArguments>(command.arguments);
    if (arguments.result.update && session.contexts().has(command.tag))
        return Reply::bad("SEARCH: another search is kept up to date under this tag");
    return check_charset(session, arguments.program);
}

Task<Reply> search(Session& session, Command command)
{
    const auto& arguments = std::get<SearchArguments>(command.arguments);
    const AnswerForm form{.tag = command.tag, .by_uid = command.by_uid, .with_modseq = asks_modseq(arguments.program)};
    if (form.with_modseq)
        session.enable_condstore();
    // The newest flags are what is searched, and the client hears of them first.
    const Result<void> told = co_await session.tell_updates(Expunges::held_back);
    if (!told)
        co_return refusal(told.error());
    auto searcher =
        Searcher::make(session, arguments.program, scope_of(session), command.tag, ranking_of(arguments.result));
    if (!searcher) {
        if (arguments.result.save && searcher.error().kind == Reply::Kind::no)
            session.view().saved = {};
        co_return std::move(searcher.error());
    }
    const Portion portion = searched(session, arguments.program, searcher->scope());
    const Result<void> done = co_await searcher->run(portion.positions);
    if (!done && arguments.result.save)
        session.view().saved = {};  // RFC 5182 section 2.1: a SEARCH that fails leaves nothing
    if (!done)
        co_return refusal(done.error());
    if (arguments.result.save)
        save(session.view(), searcher->found(), arguments.result);
    if (arguments.result.update && session.contexts().is_full(SearchContexts::Sorted::no))
        refuse_to_keep(session, command.tag, "too many searches are kept up to date");
    else if (arguments.result.update)
        session.contexts().add(context_of(session, command, arguments.program, arguments.result), searcher->found(),
                               session.view());
    answer_search(session, "SEARCH", hits_of(*searcher, searcher->found(), command.by_uid), arguments.result, form);
    co_return limited(session, Reply::ok("searched"), portion);
}

}  // namespace posthouse::imap
