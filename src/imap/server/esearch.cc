// ESEARCH: one search over several mailboxes. RFC 7377.
#include "imap/server/commands.h"
#include "imap/server/mailbox_filter.h"
#include "imap/server/message_limit.h"
#include "imap/server/search.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

// Every mailbox once, in the order of the tree.
std::vector<mailbox::Mailbox> sources_of(const MultiSearchArguments& arguments, const mailbox::MailboxTree& tree,
                                         mailbox::MailboxId selected)
{
    std::vector<mailbox::Mailbox> sources;
    const auto is_source = [&](const mailbox::Mailbox& mailbox) {
        const auto names = [&](const MailboxFilter& filter) { return is_named(filter, mailbox, selected); };
        return mailbox.selectable &&
            (arguments.sources.empty() ? mailbox.id == selected : std::ranges::any_of(arguments.sources, names));
    };
    std::ranges::copy_if(tree.mailboxes, std::back_inserter(sources), is_source);
    return sources;
}

bool asks_numbers(const SearchProgram& program)
{
    return std::ranges::any_of(program.keys, [](const SearchKey& key) {
        return key.kind == SearchKey::Kind::numbers || key.kind == SearchKey::Kind::saved || key.set.is_saved;
    });
}

// One mailbox's answer; nothing where nothing is found (section 2.1). `messages`: how many were looked at so far.
Task<std::optional<Reply>> search_in(Session& session, const MultiSearchArguments& arguments, mailbox::Mailbox mailbox,
                                     AnswerForm form, std::uint64_t& messages)
{
    const Result<mailbox::SnapshotPtr> opened = co_await session.account().snapshot(mailbox.id);
    if (!opened)
        co_return std::nullopt;  // it is being deleted just now
    form.mailbox = std::move(mailbox.name);
    form.uid_validity = (*opened)->uid_validity;
    auto searcher = Searcher::make(
        session, arguments.program,
        {.account = session.account_handle(), .numbering = *opened, .told = *opened, .recent = {}, .saved = {}},
        form.tag, ranking_of(arguments.result));
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
    SearchReturn asked = arguments.result;
    asked.all |= !asked.is_extended;
    if (!searcher->found().empty())
        write_extended(session.out(), hits_of(*searcher, searcher->found(), true), asked, form);
    const Result<void> sent = co_await session.channel().flush_if_full();
    if (!sent)
        co_return Reply::gone();
    co_return std::nullopt;
}

}  // namespace

std::optional<Reply> check_esearch(Session& session, const Command& command)
{
    const auto& arguments = std::get<MultiSearchArguments>(command.arguments);
    const auto is_selected = [](const MailboxFilter& filter) { return filter.kind == MailboxFilter::Kind::selected; };
    if (session.state() != State::selected &&
        (arguments.sources.empty() || std::ranges::any_of(arguments.sources, is_selected)))
        return Reply::bad("ESEARCH: select a mailbox first, or name some");
    // Section 2: a set of numbers means something in the selected mailbox only, SAVE and contexts too.
    if (asks_numbers(arguments.program))
        return Reply::bad("ESEARCH: sequence numbers mean nothing in several mailboxes");
    if (arguments.result.save || arguments.result.update || arguments.result.context)
        return Reply::bad("ESEARCH: SAVE, UPDATE and CONTEXT go with SEARCH");
    return std::nullopt;
}

Task<Reply> esearch(Session& session, Command command)
{
    const auto& arguments = std::get<MultiSearchArguments>(command.arguments);
    const Result<mailbox::MailboxTreePtr> tree = co_await session.account().tree();
    if (!tree)
        co_return refusal(tree.error());
    const mailbox::MailboxId selected = session.state() == State::selected ? session.view().mailbox : 0;
    const AnswerForm form{.tag = command.tag, .by_uid = true, .with_modseq = asks_modseq(arguments.program)};
    std::uint64_t messages = 0;
    for (mailbox::Mailbox& mailbox : sources_of(arguments, **tree, selected)) {
        std::optional<Reply> answer = co_await search_in(session, arguments, std::move(mailbox), form, messages);
        if (answer)
            co_return std::move(*answer);
    }
    co_return Reply::ok("searched");
}

}  // namespace posthouse::imap
