// SEARCH and UID SEARCH: RFC 3501 section 6.4.4, RFC 4731 (ESEARCH), RFC 5182 (SAVE), RFC 7162 (MODSEQ).
#include "imap/server/search.h"

#include "imap/server/commands.h"

#include <algorithm>

namespace posthouse::imap {

bool asks_modseq(const SearchProgram& program)
{
    return std::ranges::find(program.keys, SearchKey::Kind::modseq, &SearchKey::kind) != program.keys.end();
}

Hits hits_of(const SearchScope& scope, std::span<const std::uint32_t> positions, bool by_uid)
{
    Hits hits;
    hits.reserve(positions.size());
    for (const std::uint32_t position : positions) {
        const mailbox::Entry& entry = scope.entry_at(position);
        hits.push_back({by_uid ? entry.uid : position + 1, entry.modseq});
    }
    return hits;
}

// RFC 5182 section 2.1: with MIN or MAX alone these are saved, else all that was found.
void save(View& view, std::span<const std::uint32_t> positions, const SearchReturn& asked)
{
    std::vector<std::uint32_t> kept(positions.begin(), positions.end());
    if ((asked.min || asked.max) && !asked.all && !asked.count && !kept.empty()) {
        kept = asked.min ? std::vector{positions.front()} : std::vector<std::uint32_t>{};
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
    if (told.min || told.max || told.all || told.count || told.partial || told.update || told.context)
        write_extended(session.out(), hits, told, form);
}

namespace {

// RFC 5267 section 4.3.1: who asks for more than is kept up to date is told so, and gets his answer all the same.
void keep_up_to_date(Session& session, const Command& command, const Searcher& searcher)
{
    if (session.contexts().is_full()) {
        session.out().raw("* NO [NOUPDATE ").string(command.tag).raw("] too many searches are kept up to date\r\n");
        return;
    }
    const View& view = session.view();
    SearchContext context{.tag = command.tag,
                          .by_uid = command.by_uid,
                          .program = std::get<SearchArguments>(command.arguments).program,
                          .uids = {},
                          .seen = view.told};
    for (const std::uint32_t position : searcher.found())
        context.uids.add(view.numbering->at(position).uid);
    session.contexts().add(std::move(context));
}

}  // namespace

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
    auto searcher = Searcher::make(session, arguments.program, scope_of(session), command.tag);
    if (!searcher) {
        if (arguments.result.save && searcher.error().kind == Reply::Kind::no)
            session.view().saved = {};
        co_return std::move(searcher.error());
    }
    const Result<void> done = co_await searcher->run();
    if (!done && arguments.result.save)
        session.view().saved = {};  // RFC 5182 section 2.1: a SEARCH that fails leaves nothing
    if (!done)
        co_return refusal(done.error());
    if (arguments.result.save)
        save(session.view(), searcher->found(), arguments.result);
    if (arguments.result.update)
        keep_up_to_date(session, command, *searcher);
    answer_search(session, "SEARCH", hits_of(searcher->scope(), searcher->found(), command.by_uid), arguments.result,
                  form);
    co_return Reply::ok("searched");
}

}  // namespace posthouse::imap
