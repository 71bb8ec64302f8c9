// GETQUOTA, GETQUOTAROOT, SETQUOTA: RFC 9208. One root, "", for all mailboxes of an account; none where no limit is
// set. What somebody else shares counts at his: "shared/alice@north.test".
#include "imap/grammar/list_pattern.h"
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"
#include "imap/server/shared_names.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

// RFC 9208 section 5.1: STORAGE counts units of 1024 octets.
std::uint64_t units(std::uint64_t bytes) { return bytes / 1024 + (bytes % 1024 != 0 ? 1 : 0); }

void write_quota(Serializer& out, std::string_view root, const mailbox::Usage& usage)
{
    out.raw("* QUOTA ").string(root).raw(" (STORAGE ").number(units(usage.bytes)).raw(" ");
    out.number(usage.limit_bytes / 1024).raw(")\r\n");
}

// Whose root it is; not_found where there is none, or nothing that one may read.
Task<Result<mailbox::AccountPtr>> account_of_root(Session& session, std::string root)
{
    if (root.empty())
        co_return session.account_handle();
    const Result<Place> place = co_await place_of(session, root);
    if (!place || place->prefix != root + "/")
        co_return fail(ErrorCode::not_found);
    const Result<mailbox::MailboxTreePtr> tree = co_await place->account->tree();
    const auto may_read = [](const mailbox::Mailbox& mailbox) { return mailbox.rights.has(mailbox::Right::read); };
    if (!tree || std::ranges::none_of((*tree)->mailboxes, may_read))
        co_return fail(ErrorCode::not_found);
    co_return place->account;
}

}  // namespace

Task<Reply> get_quota(Session& session, Command command)
{
    const std::string& root = std::get<QuotaArguments>(command.arguments).root;
    const Result<mailbox::AccountPtr> account = co_await account_of_root(session, root);
    if (!account)
        co_return Reply::no("there is no such quota root", "NONEXISTENT");
    const Result<mailbox::Usage> usage = co_await (*account)->usage();
    if (!usage)
        co_return refusal(usage.error());
    if (usage->limit_bytes == 0)
        co_return Reply::no("there is no such quota root", "NONEXISTENT");
    write_quota(session.out(), root, *usage);
    co_return Reply::ok("that is the quota");
}

Task<Reply> get_quota_root(Session& session, Command command)
{
    const Result<Found> found = co_await find_mailbox(session, std::get<MailboxArguments>(command.arguments).mailbox);
    if (!found)
        co_return refusal(found.error());
    if (!found->mailbox.rights.has(mailbox::Right::read))
        co_return Reply::no("you may not do this", "NOPERM");
    const std::string root = found->account->id() == session.account().id()
        ? ""
        : found->name.substr(0, found->name.find(hierarchy_separator, shared_prefix.size()));
    const Result<mailbox::Usage> usage = co_await found->account->usage();
    if (!usage)
        co_return refusal(usage.error());
    session.out().raw("* QUOTAROOT ").mailbox(found->name);
    if (usage->limit_bytes != 0)
        session.out().raw(" ").string(root);
    session.out().crlf();
    if (usage->limit_bytes != 0)
        write_quota(session.out(), root, *usage);
    co_return Reply::ok("that is where it counts");
}

// Quotas are the operator's business (posthouse account quota).
Task<Reply> set_quota(Session&, Command) { co_return Reply::no("quotas are set by the operator", "NOPERM"); }

}  // namespace posthouse::imap
