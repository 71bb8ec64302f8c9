// GETQUOTA, GETQUOTAROOT, SETQUOTA: RFC 9208. One root, "", for all mailboxes of an account; none where no limit is
// set.
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

namespace posthouse::imap {

namespace {

constexpr std::string_view root = "";

// RFC 9208 section 5.1: STORAGE counts units of 1024 octets.
std::uint64_t units(std::uint64_t bytes) { return bytes / 1024 + (bytes % 1024 != 0 ? 1 : 0); }

void write_quota(Serializer& out, const mailbox::Usage& usage)
{
    out.raw("* QUOTA ").string(root).raw(" (STORAGE ").number(units(usage.bytes)).raw(" ");
    out.number(usage.limit_bytes / 1024).raw(")\r\n");
}

}  // namespace

Task<Reply> get_quota(Session& session, Command command)
{
    const Result<mailbox::Usage> usage = co_await session.account().usage();
    if (!usage)
        co_return refusal(usage.error());
    if (std::get<QuotaArguments>(command.arguments).root != root || usage->limit_bytes == 0)
        co_return Reply::no("there is no such quota root", "NONEXISTENT");
    write_quota(session.out(), *usage);
    co_return Reply::ok("that is the quota");
}

Task<Reply> get_quota_root(Session& session, Command command)
{
    const Result<Found> found = co_await find_mailbox(session, std::get<MailboxArguments>(command.arguments).mailbox);
    if (!found)
        co_return refusal(found.error());
    const Result<mailbox::Usage> usage = co_await found->account->usage();
    if (!usage)
        co_return refusal(usage.error());
    session.out().raw("* QUOTAROOT ").mailbox(found->name);
    if (usage->limit_bytes != 0)
        session.out().raw(" ").string(root);
    session.out().crlf();
    if (usage->limit_bytes != 0)
        write_quota(session.out(), *usage);
    co_return Reply::ok("that is where it counts");
}

// Quotas are the operator's business (posthouse account quota).
Task<Reply> set_quota(Session&, Command) { co_return Reply::no("quotas are set by the operator", "NOPERM"); }

}  // namespace posthouse::imap
