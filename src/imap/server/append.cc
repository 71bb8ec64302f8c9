// APPEND: RFC 3501 section 6.3.11, several messages by RFC 3502, parts of others by RFC 4469, APPENDUID by RFC 4315,
// limits by RFC 7889.
#include "imap/server/append_messages.h"
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

namespace posthouse::imap {

namespace {

// RFC 3502: all or none.
Task<Result<std::vector<mailbox::Filed>>> file(mailbox::AccountPtr account, std::vector<mailbox::Filing> filings)
{
    if (filings.size() > 1)
        co_return co_await account->file_all(std::move(filings));
    Result<mailbox::Filed> filed = co_await account->file(std::move(filings.front()));
    if (!filed)
        co_return fail(filed.error());
    co_return std::vector{std::move(*filed)};
}

}  // namespace

std::optional<Reply> check_append(Session&, const Command& command)
{
    return fault_of_flags(std::get<AppendArguments>(command.arguments).steps);
}

Task<Reply> append(Session& session, Command command)
{
    auto& arguments = std::get<AppendArguments>(command.arguments);
    const Result<Found> found = co_await find_mailbox(session, arguments.mailbox);
    if (!found && found.error() == ErrorCode::not_found)
        co_return Reply::no("there is no such mailbox", "TRYCREATE");
    if (!found)
        co_return refusal(found.error());
    IncomingMessages messages(session, found->account, found->mailbox.id);
    std::optional<Reply> answer = co_await messages.read(std::move(arguments));
    if (answer)
        co_return std::move(*answer);
    const Result<std::vector<mailbox::Filed>> filed = co_await file(found->account, std::move(messages.filings()));
    if (!filed && filed.error() == ErrorCode::not_found)
        co_return Reply::no("the mailbox was deleted meanwhile", "TRYCREATE");
    if (!filed)
        co_return refusal(filed.error());
    co_return Reply::ok("appended", appenduid(*filed));
}

}  // namespace posthouse::imap
