// GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS: RFC 4314. Identifiers are addresses of this house, or "anyone".
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

namespace posthouse::imap {

namespace {

using mailbox::AclChange;
using mailbox::AclEntry;
using mailbox::Right;
using mailbox::Rights;

// "-bob@north.test" speaks of what is taken from him (RFC 4314 section 2).
Task<Result<AclEntry>> entry_for(Session& session, std::string identifier)
{
    AclEntry entry;
    entry.negative = identifier.starts_with('-');
    identifier.erase(0, entry.negative ? 1 : 0);
    if (identifier == "anyone")
        co_return entry;
    directory::Directory* directory = session.services().directory;
    if (directory == nullptr)
        co_return fail(ErrorCode::malformed, "nobody of this name lives here");
    const Result<directory::Account> account = co_await directory->account_by_address(std::move(identifier));
    if (!account)
        co_return fail(ErrorCode::malformed, "nobody of this name lives here");
    entry.account = account->id;
    co_return entry;
}

Task<std::string> identifier_of(Session& session, AclEntry entry)
{
    std::string name = "anyone";
    if (entry.account != mailbox::anyone) {
        const Result<directory::Account> account = co_await session.services().directory->account(entry.account);
        name = account ? account->address : id_text(entry.account);  // one who lives here no more
    }
    co_return (entry.negative ? "-" : "") + name;
}

// RFC 4314 section 3: who may not administer a mailbox hears no more than that.
Task<Result<Found>> administered(Session& session, std::string name)
{
    Result<Found> found = co_await find_mailbox(session, std::move(name));
    if (found && !found->mailbox.rights.has(Right::administer))
        co_return fail(ErrorCode::not_permitted);
    co_return found;
}

// Sections 3.1 and 3.2. Whoever it is about hears of it, if he has asked for that.
Task<Reply> change_acl(Session& session, const Found& found, AclEntry entry, AclChange change)
{
    const Result<void> changed = co_await found.account->change_acl(found.mailbox.id, entry, change);
    if (!changed)
        co_return refusal(changed.error());
    session.news().tell({{.kind = News::Change::Kind::sharing,
                          .owner = found.account->id(),
                          .mailbox = found.mailbox.id,
                          .account = entry.account,
                          .session = session.id(),
                          .name = {}}});
    co_return Reply::ok("so be it");
}

}  // namespace

Task<Reply> get_acl(Session& session, Command command)
{
    const Result<Found> found = co_await administered(session, std::get<MailboxArguments>(command.arguments).mailbox);
    if (!found)
        co_return refusal(found.error());
    std::vector<AclEntry> entries{{.account = found->account->id(), .negative = false, .rights = Rights::all()}};
    if (found->mailbox.acl)
        entries.insert(entries.end(), found->mailbox.acl->begin(), found->mailbox.acl->end());
    std::string list;
    for (const AclEntry& entry : entries) {
        Serializer item;
        const std::string identifier = co_await identifier_of(session, entry);
        item.raw(" ").astring(identifier).raw(" ").astring(text_of(entry.rights));
        list += item.take_joined();
    }
    session.out().raw("* ACL ").mailbox(found->name).raw(list).crlf();
    co_return Reply::ok("these may do this");
}

Task<Reply> set_acl(Session& session, Command command)
{
    auto& arguments = std::get<AclArguments>(command.arguments);
    AclChange change = AclChange::replace;
    if (arguments.rights.starts_with('+') || arguments.rights.starts_with('-')) {
        change = arguments.rights[0] == '+' ? AclChange::add : AclChange::remove;
        arguments.rights.erase(0, 1);
    }
    const Result<Rights> rights = mailbox::rights_of(arguments.rights);
    if (!rights)
        co_return Reply::bad("SETACL: " + rights.error().text);
    const Result<Found> found = co_await administered(session, arguments.mailbox);
    if (!found)
        co_return refusal(found.error());
    Result<AclEntry> entry = co_await entry_for(session, arguments.identifier);
    if (!entry)
        co_return refusal(entry.error());
    entry->rights = *rights;
    Reply reply = co_await change_acl(session, *found, *entry, change);
    co_return reply;
}

Task<Reply> delete_acl(Session& session, Command command)
{
    auto& arguments = std::get<AclArguments>(command.arguments);
    const Result<Found> found = co_await administered(session, arguments.mailbox);
    if (!found)
        co_return refusal(found.error());
    Result<AclEntry> entry = co_await entry_for(session, arguments.identifier);
    if (!entry)
        co_return refusal(entry.error());
    Reply reply = co_await change_acl(session, *found, *entry, AclChange::replace);
    co_return reply;
}

// Section 3.7: the owner's rights are always there; anybody else can be given each by itself.
Task<Reply> list_rights(Session& session, Command command)
{
    auto& arguments = std::get<AclArguments>(command.arguments);
    const Result<Found> found = co_await administered(session, arguments.mailbox);
    if (!found)
        co_return refusal(found.error());
    const Result<AclEntry> entry = co_await entry_for(session, arguments.identifier);
    if (!entry)
        co_return refusal(entry.error());
    Serializer& out = session.out();
    out.raw("* LISTRIGHTS ").mailbox(found->name).raw(" ").astring(arguments.identifier);
    if (entry->account == found->account->id())
        out.raw(" ").raw(text_of(Rights::all()));
    else
        out.raw(" \"\" l r s w i p k x t e a c d");
    out.crlf();
    co_return Reply::ok("these can be given");
}

Task<Reply> my_rights(Session& session, Command command)
{
    const Result<Found> found = co_await find_mailbox(session, std::get<MailboxArguments>(command.arguments).mailbox);
    if (!found)
        co_return refusal(found.error());
    session.out().raw("* MYRIGHTS ").mailbox(found->name).raw(" ").raw(text_of(found->mailbox.rights)).crlf();
    co_return Reply::ok("this is what you may do");
}

}  // namespace posthouse::imap
