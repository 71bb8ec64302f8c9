// ESEARCH: one search over several mailboxes. RFC 7377.
#include "imap/server/commands.h"
#include "imap/server/mailbox_filter.h"
#include "imap/server/message_limit.h"
#include "imap/server/observed.h"
#include "imap/server/search.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

struct Source {
    mailbox::AccountPtr account;
    mailbox::Mailbox mailbox;  // by the name that the client knows
};

bool is_of_selected(const MailboxFilter& filter) { return filter.kind == MailboxFilter::Kind::selected; }

// Every mailbox once: one's own in the order of the tree, then those of others that may be read (section 2.2).
Task<Result<std::vector<Source>>> sources_of(Session& session, const MultiSearchArguments& arguments)
{
    const mailbox::MailboxId selected = session.state() == State::selected ? session.view().mailbox : 0;
    const auto may_be_of_others = [](const MailboxFilter& filter) {
        return is_of_selected(filter) || can_name(filter, shared_prefix);
    };
    std::vector<Source> sources;
    const auto add = [&](const mailbox::AccountPtr& account, const mailbox::Mailbox& mailbox) {
        const auto names = [&](const MailboxFilter& filter) { return is_named(filter, mailbox, selected); };
        if (mailbox.selectable && std::ranges::any_of(arguments.sources, names))
            sources.push_back({account, mailbox});
    };
    const Result<mailbox::MailboxTreePtr> own = co_await session.account().tree();
    if (!own)
        co_return fail(own.error());
    for (const mailbox::Mailbox& mailbox : (*own)->mailboxes)
        add(session.account_handle(), mailbox);
    if (std::ranges::none_of(arguments.sources, may_be_of_others))
        co_return sources;
    const std::vector<Place> places = co_await all_places(session);
    for (const Place& place : places) {
        if (place.prefix.empty())
            continue;
        const Result<mailbox::MailboxTreePtr> theirs = co_await place.account->tree();
        if (!theirs)
            continue;  // it is shared no longer
        for (const mailbox::Mailbox& mailbox : shared_in(**theirs, place.prefix, **own))
            if (may_observe(mailbox))
                add(place.account, mailbox);
    }
    co_return sources;
}

bool asks_numbers(const SearchProgram& program)
{
    return std::ranges::any_of(program.keys, [](const SearchKey& key) {
        return key.kind == SearchKey::Kind::numbers || key.kind == SearchKey::Kind::saved || key.set.is_saved;
    });
}

// Section 2.2: where nothing is named, it is the selected mailbox.
bool is_of_selected_alone(const MultiSearchArguments& arguments)
{
    return std::ranges::all_of(arguments.sources, is_of_selected);
}

// One mailbox's answer; nothing where nothing is found (section 2.1). `messages`: how many were looked at so far.
Task<std::optional<Reply>> search_in(Session& session, const MultiSearchArguments& arguments, SearchScope scope,
                                     AnswerForm form, std::uint64_t& messages)
{
    form.uid_validity = scope.numbering->uid_validity;
    auto searcher =
        Searcher::make(session, arguments.program, std::move(scope), form.tag, ranking_of(arguments.result));
    if (!searcher)
        co_return std::move(searcher.error());
    // RFC 9738 has no ESEARCH: all mailboxes count together, and each is searched whole or not at all.
    mailbox::NumberSet positions = looked_at(session, arguments.program, searcher->scope());
    messages += positions.count();
    if (is_too_much(session, messages))
        co_return refused_as_too_many(session);
    const Result<void> done = co_await searcher->run(std::move(positions));
    if (!done)
        co_return refusal(done.error());
    if (arguments.result.save)
        save(session.view(), searcher->found(), arguments.result);
    SearchReturn asked = arguments.result;
    asked.all |= !asked.is_extended;
    const bool is_told = asked.min || asked.max || asked.all || asked.count || asked.partial || asked.relevancy;
    if (!searcher->found().empty() && is_told)
        write_extended(session.out(), hits_of(*searcher, searcher->found(), true), asked, form);
    const Result<void> sent = co_await session.channel().flush_if_full();
    if (!sent)
        co_return Reply::gone();
    co_return std::nullopt;
}

// Whoever's it is: a mailbox that another shares is in no tree of one's own.
Task<Result<std::string>> selected_name(Session& session)
{
    const View& view = session.view();
    std::string prefix;
    if (view.account->id() != session.account().id()) {
        Result<Place> place = co_await place_of(session, view.account->id());
        if (!place)
            co_return fail(place.error());
        prefix = std::move(place->prefix);
    }
    const Result<mailbox::MailboxTreePtr> tree = co_await view.account->tree();
    if (!tree)
        co_return fail(tree.error());
    const mailbox::Mailbox* mailbox = (*tree)->find(view.mailbox);
    if (mailbox == nullptr)
        co_return fail(ErrorCode::not_found);
    co_return prefix + mailbox->name;
}

// In what the client knows of it, as SEARCH is.
Task<Reply> search_selected(Session& session, const MultiSearchArguments& arguments, AnswerForm form)
{
    Result<std::string> name = co_await selected_name(session);
    if (!name)
        co_return refusal(name.error());
    form.mailbox = std::move(*name);
    const Result<void> told = co_await session.tell_updates(Expunges::held_back);
    if (!told)
        co_return refusal(told.error());
    if (arguments.result.update)  // RFC 5267 section 4.3.1
        session.out().raw("* NO [NOUPDATE ").string(form.tag).raw("] only a SEARCH is kept up to date\r\n");
    std::uint64_t messages = 0;
    std::optional<Reply> answer = co_await search_in(session, arguments, scope_of(session), std::move(form), messages);
    if (answer && arguments.result.save && answer->kind == Reply::Kind::no)
        session.view().saved = {};  // RFC 5182 section 2.1
    co_return answer ? std::move(*answer) : Reply::ok("searched");
}

}  // namespace

std::optional<Reply> check_esearch(Session& session, const Command& command)
{
    const auto& arguments = std::get<MultiSearchArguments>(command.arguments);
    if (session.state() != State::selected &&
        (arguments.sources.empty() || std::ranges::any_of(arguments.sources, is_of_selected)))
        return Reply::bad("ESEARCH: select a mailbox first, or name some");
    // Section 2: a set of numbers means something in the selected mailbox only, and `$` too.
    const bool elsewhere = !is_of_selected_alone(arguments);
    if (elsewhere && asks_numbers(arguments.program))
        return Reply::bad("ESEARCH: sequence numbers mean nothing in several mailboxes");
    if (elsewhere && arguments.result.save)
        return Reply::bad("ESEARCH: SAVE goes with the selected mailbox");
    if (elsewhere && arguments.result.update)
        return Reply::bad("ESEARCH: UPDATE goes with the selected mailbox");
    if (std::optional<Reply> refused = check_charset(session, arguments.program))
        return refused;
    return std::nullopt;
}

Task<Reply> esearch(Session& session, Command command)
{
    const auto& arguments = std::get<MultiSearchArguments>(command.arguments);
    AnswerForm form{.tag = command.tag, .by_uid = true, .with_modseq = asks_modseq(arguments.program)};
    if (is_of_selected_alone(arguments))
        co_return co_await search_selected(session, arguments, std::move(form));
    const Result<std::vector<Source>> sources = co_await sources_of(session, arguments);
    if (!sources)
        co_return refusal(sources.error());
    std::uint64_t messages = 0;
    for (const Source& source : *sources) {
        const Result<mailbox::SnapshotPtr> opened = co_await source.account->snapshot(source.mailbox.id);
        if (!opened)
            continue;  // it is being deleted just now, or may not be read any more
        form.mailbox = source.mailbox.name;
        SearchScope scope{.account = source.account, .numbering = *opened, .told = *opened, .recent = {}, .saved = {}};
        std::optional<Reply> answer = co_await search_in(session, arguments, std::move(scope), form, messages);
        if (answer)
            co_return std::move(*answer);
    }
    co_return Reply::ok("searched");
}

}  // namespace posthouse::imap
