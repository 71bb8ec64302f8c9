// THREAD and UID THREAD: RFC 5256.
#include "imap/server/base_subject.h"
#include "imap/server/commands.h"
#include "imap/server/message_limit.h"
#include "imap/server/rows_of.h"
#include "imap/server/searcher.h"
#include "imap/server/sort_key.h"
#include "imap/server/thread_tree.h"
#include "message/header.h"

namespace posthouse::imap {

namespace {

// RFC 5256 section 3: References, or without them the first id of In-Reply-To.
std::vector<std::string> references_of(const message::Digest& digest)
{
    if (!digest.references.empty())
        return digest.references;
    std::vector<std::string> ids = message::parse_message_ids(digest.envelope.in_reply_to.value_or(""), 2);
    ids.resize(std::min<std::size_t>(ids.size(), 1));
    return ids;
}

ThreadedMessage threaded(std::uint32_t number, const mailbox::Entry& entry, const mailbox::Email* email)
{
    ThreadedMessage message{.number = number};
    if (email == nullptr)
        return message;
    const message::Digest& digest = *email->digest;
    std::vector<std::string> ids = message::parse_message_ids(digest.envelope.message_id.value_or(""), 2);
    if (!ids.empty())
        message.id = std::move(ids.front());
    message.references = references_of(digest);
    BaseSubject subject = base_subject(digest.envelope.subject.value_or(""));
    message.subject = std::move(subject.text);
    message.is_reply = subject.is_reply;
    message.date = sent_date(entry, *email);
    return message;
}

}  // namespace

Task<Reply> thread(Session& session, Command command)
{
    const auto& arguments = std::get<ThreadArguments>(command.arguments);
    const Result<void> told = co_await session.tell_updates(Expunges::held_back);
    if (!told)
        co_return refusal(told.error());
    auto searcher = Searcher::make(session, arguments.program, scope_of(session), command.tag);
    if (!searcher)
        co_return std::move(searcher.error());
    const Portion portion = searched(session, arguments.program, searcher->scope());
    if (portion.lowest)  // RFC 9738 section 3.3: a thread cannot be told by a part of it
        co_return refused_as_too_many(session);
    const Result<void> done = co_await searcher->run(portion.positions);
    if (!done)
        co_return refusal(done.error());

    std::vector<ThreadedMessage> messages;
    messages.reserve(searcher->found().size());
    const bool by_uid = command.by_uid;
    const auto add = [&](std::uint32_t position, const mailbox::Entry& entry, const mailbox::Email* email) {
        messages.push_back(threaded(by_uid ? entry.uid : position + 1, entry, email));
    };
    Progress progress(session, command.tag, "threading");
    const Result<void> read = co_await for_each_row(searcher->scope(), searcher->found(), progress, add);
    if (!read)
        co_return refusal(read.error());
    const bool by_references = arguments.algorithm == ThreadArguments::Algorithm::references;
    const ThreadForest forest =
        by_references ? thread_by_references(std::move(messages)) : thread_by_subject(std::move(messages));
    session.out().raw("* THREAD");
    if (!forest.roots.empty())
        session.out().raw(" ");
    write_threads(session.out(), forest);
    session.out().crlf();
    co_return Reply::ok("threaded");
}

}  // namespace posthouse::imap
