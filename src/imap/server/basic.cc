// The commands that fit on a line or two: NOOP, CHECK, LOGOUT, ID, ENABLE, NAMESPACE, UNSELECT, CLOSE.
#include "imap/server/commands.h"

namespace posthouse::imap {

std::optional<Reply> check_writable(Session& session, const Command&)
{
    if (session.view().read_only)
        return Reply::no("this mailbox was opened by EXAMINE: nothing can be changed", "CANNOT");
    return std::nullopt;
}

// RFC 3501 section 6.1.2: the update behind every command is what NOOP is for.
Task<Reply> noop(Session&, Command) { co_return Reply::ok("nothing done"); }

// RFC 3501 section 6.4.1: everything is safe on disk before it is answered, so there is nothing to do.
Task<Reply> check(Session&, Command) { co_return Reply::ok("all is safe already"); }

// RFC 3501 section 6.1.3
Task<Reply> logout(Session& session, Command)
{
    session.out().raw("* BYE until next time\r\n");
    session.leave();
    co_return Reply::ok("logged out");
}

// RFC 2971. What the client says of itself goes to the log.
Task<Reply> id(Session& session, Command command)
{
    std::string told;
    for (const auto& [field, value] : std::get<IdArguments>(command.arguments).fields)
        told += (told.empty() ? "" : ", ") + field + "=" + value;
    if (!told.empty())
        session.services().log.write(LogLevel::info, "imap/server", session.id(), "client",
                                     {{"id", printable(told, 400)}});
    session.out().raw("* ID (\"name\" \"Posthouse\"");
    if (!session.options().version.empty())
        session.out().raw(" \"version\" ").string(session.options().version);
    session.out().raw(")\r\n");
    co_return Reply::ok("pleased to meet you");
}

// RFC 5161. Unknown capabilities are left out of the answer.
Task<Reply> enable(Session& session, Command command)
{
    bool has_condstore = session.enabled().condstore;
    session.out().raw("* ENABLED");
    for (const std::string& capability : std::get<EnableArguments>(command.arguments).capabilities) {
        if (capability == "CONDSTORE" && !has_condstore) {
            has_condstore = true;
            session.out().raw(" CONDSTORE");
        }
    }
    session.out().crlf();
    if (has_condstore)
        session.enable_condstore();
    co_return Reply::ok("done");
}

// RFC 2342: one's own mail only, so far.
Task<Reply> name_space(Session& session, Command)
{
    session.out().raw("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    co_return Reply::ok("these are they");
}

// RFC 3691
Task<Reply> unselect(Session& session, Command)
{
    session.unselect();
    co_return Reply::ok("left as it was");
}

// RFC 3501 section 6.4.2: expunges without telling, unless the mailbox was opened by EXAMINE.
Task<Reply> close(Session& session, Command)
{
    if (!session.view().read_only) {
        const auto mailbox = session.view().mailbox;
        const auto expunged =
            co_await session.account().expunge(mailbox, std::nullopt, mailbox::Account::Which::marked_deleted);
        if (!expunged && expunged.error() != ErrorCode::not_found)
            co_return refusal(expunged.error());
    }
    session.unselect();
    co_return Reply::ok("closed");
}

}  // namespace posthouse::imap
