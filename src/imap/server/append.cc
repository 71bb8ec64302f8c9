// APPEND: RFC 3501 section 6.3.11, APPENDUID by RFC 4315, limits by RFC 7889.
//
// The message's bytes go from the wire to the store piece by piece; they are kept exactly as they come.
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

// For the next bytes of a message that has begun, and for all of it.
constexpr Duration literal_patience = 5min;
constexpr Duration message_patience = 1h;

// Takes the literal off the wire into `writer`. What the writer refuses is still read to its end, so that
// the session goes on behind it; the first such error is the answer.
Task<Result<void>> take_message(Session& session, mailbox::ContentWriter& writer, Result<void>& written)
{
    Channel& channel = session.channel();
    std::uint64_t left = session.reader().literal()->size;
    const Deadline whole = channel.within(message_patience);
    while (left > 0) {
        if (channel.input().empty()) {
            const Result<void> filled =
                co_await channel.fill({std::min(whole.at, channel.within(literal_patience).at)}, most_after_login);
            if (!filled)
                co_return fail(filled.error());
        }
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, channel.input().size()));
        std::string piece(channel.input().substr(0, count));
        channel.wire().consume(count);
        left -= count;
        if (written)
            written = co_await writer.append(std::move(piece));
    }
    session.reader().literal_was_read();
    co_return Result<void>{};
}

Task<Result<void>> room_for(Session& session, std::uint64_t size)
{
    const Result<mailbox::Usage> usage = co_await session.account().usage();
    if (!usage)
        co_return fail(usage.error());
    if (usage->limit_bytes != 0 && usage->bytes + size > usage->limit_bytes)
        co_return fail(ErrorCode::over_quota);
    co_return Result<void>{};
}

Reply appended(const mailbox::Filed& filed)
{
    const mailbox::FiledIn& place = filed.places.front();
    return Reply::ok("appended", "APPENDUID " + std::to_string(place.uid_validity) + " " + std::to_string(place.uid));
}

}  // namespace

std::optional<Reply> check_append(Session& session, const Command& command)
{
    const std::uint64_t size = session.reader().literal()->size;
    if (size > session.options().most_message)
        return Reply::no("the message is larger than is taken here", "TOOBIG");
    if (size == 0)
        return Reply::no("an empty message is none", "CANNOT");
    for (const std::string& name : std::get<AppendArguments>(command.arguments).flags)
        if (name.starts_with('\\') && !mailbox::system_flag(name))
            return Reply::bad("APPEND: there is no flag " + name);
    return std::nullopt;
}

Task<Reply> append(Session& session, Command command)
{
    auto& arguments = std::get<AppendArguments>(command.arguments);
    const std::uint64_t size = session.reader().literal()->size;
    const Result<Found> found = co_await find_mailbox(session, arguments.mailbox);
    if (!found && found.error() == ErrorCode::not_found)
        co_return Reply::no("there is no such mailbox", "TRYCREATE");
    if (!found)
        co_return refusal(found.error());
    const Result<void> room = co_await room_for(session, size);
    if (!room)
        co_return refusal(room.error());

    if (session.reader().literal()->synchronising)
        session.out().raw("+ send it\r\n");
    session.channel().transcript().client_line("[" + std::to_string(size) + " bytes of message]");
    const std::unique_ptr<mailbox::ContentWriter> writer = session.services().mailboxes.writer();
    Result<void> written;
    const Result<void> taken = co_await take_message(session, *writer, written);
    if (!taken)
        co_return ending(taken.error());
    const Result<std::string> rest = co_await session.reader().line(session.patience());
    if (!rest && rest.error() != ErrorCode::malformed)
        co_return ending(rest.error());
    if (!rest || !rest->empty())
        co_return Reply::bad("APPEND: one message at a time, and CRLF behind it");
    if (!written)
        co_return refusal(written.error());

    Result<mailbox::ContentWriter::Finished> finished = co_await writer->finish();
    if (!finished)
        co_return refusal(finished.error());
    mailbox::Filing filing{.content = std::move(finished->content),
                           .digest = std::move(finished->digest),
                           .prefix = {},
                           .placements = {{.mailbox = found->mailbox.id, .name = {}, .flags = arguments.flags}},
                           .internal_date = arguments.date.value_or(session.services().clock.now())};
    const Result<mailbox::Filed> filed = co_await session.account().file(std::move(filing));
    if (!filed && filed.error() == ErrorCode::not_found)
        co_return Reply::no("the mailbox was deleted meanwhile", "TRYCREATE");
    if (!filed)
        co_return refusal(filed.error());
    co_return appended(*filed);
}

}  // namespace posthouse::imap
