// The commands that fit on a line or two: NOOP, CHECK, LOGOUT, UNAUTHENTICATE, ID, ENABLE, NAMESPACE, UNSELECT, CLOSE.
#include "imap/server/commands.h"
#include "imap/server/shared_names.h"

#include <algorithm>
#include <array>

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

namespace {

struct Extension {
    std::string_view name;  // compared without case
    bool Enabled::* is_enabled;
    void (Session::*enable)();
};
constexpr std::array extensions{
    Extension{"CONDSTORE", &Enabled::condstore, &Session::enable_condstore},
    Extension{"QRESYNC", &Enabled::qresync, &Session::enable_qresync},
    Extension{"IMAP4rev2", &Enabled::rev2, &Session::enable_rev2},
    Extension{"UTF8=ACCEPT", &Enabled::utf8, &Session::enable_utf8},
    Extension{"UIDONLY", &Enabled::uid_only, &Session::enable_uid_only},
};

}  // namespace

// RFC 5161. What is unknown, or enabled already, is left out of the answer.
Task<Reply> enable(Session& session, Command command)
{
    std::vector<const Extension*> wanted;
    for (const std::string& name : std::get<EnableArguments>(command.arguments).capabilities) {
        const auto is_named = [&](const Extension& one) { return equals_ignoring_case(one.name, name); };
        const auto* found = std::ranges::find_if(extensions, is_named);
        if (found != extensions.end() && !(session.enabled().*found->is_enabled) &&
            std::ranges::find(wanted, found) == wanted.end())
            wanted.push_back(found);
    }
    session.out().raw("* ENABLED");
    for (const Extension* extension : wanted)
        session.out().raw(" ").raw(extension->name);
    session.out().crlf();
    for (const Extension* extension : wanted)
        (session.*extension->enable)();
    co_return Reply::ok("done");
}

// RFC 2342: one's own mail, and what others share.
Task<Reply> name_space(Session& session, Command)
{
    session.out().raw("* NAMESPACE ((\"\" \"/\")) ");
    if (session.services().directory != nullptr)
        session.out().raw("((\"").raw(shared_prefix).raw("\" \"/\")) NIL\r\n");
    else
        session.out().raw("NIL NIL\r\n");
    co_return Reply::ok("these are they");
}

// RFC 8437: the connection goes on as if nobody had logged in; what was enabled is forgotten.
Task<Reply> unauthenticate(Session& session, Command)
{
    // Both ends would have to agree on the byte where the compression ends.
    if (session.channel().wire().is_deflated())
        co_return Reply::no("not while the connection is compressed", "CANNOT");
    session.services().log.write(LogLevel::info, "imap/server", session.id(), "logout",
                                 {{"account", session.address()}});
    session.leave_account();
    co_return Reply::ok("another may log in", "CAPABILITY " + session.capabilities());
}

// RFC 3691
Task<Reply> unselect(Session& session, Command)
{
    session.unselect();
    co_return Reply::ok("left as it was");
}

// RFC 3501 section 6.4.2: expunges without telling, unless the mailbox was opened by EXAMINE. Without HIGHESTMODSEQ
// (RFC 7162 section 3.2.8): a client that kept it would never hear of what was expunged. Who may not expunge closes
// all the same (RFC 4314 section 4).
Task<Reply> close(Session& session, Command)
{
    if (!session.view().read_only) {
        const auto mailbox = session.view().mailbox;
        const auto expunged =
            co_await session.view().account->expunge(mailbox, std::nullopt, mailbox::Account::Which::marked_deleted);
        if (!expunged && expunged.error() != ErrorCode::not_found && expunged.error() != ErrorCode::not_permitted)
            co_return refusal(expunged.error());
    }
    session.unselect();
    co_return Reply::ok("closed");
}

}  // namespace posthouse::imap
