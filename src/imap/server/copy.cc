// COPY: RFC 3501 section 6.4.7; MOVE: RFC 6851; COPYUID: RFC 4315 section 3.
#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"
#include "imap/server/message_limit.h"

namespace posthouse::imap {

namespace {

using mailbox::Copied;
using mailbox::NumberSet;

// "COPYUID uidvalidity source target": the targets in the sources' order, runs as ranges.
std::string copyuid(const Copied& copied)
{
    std::string targets;
    for (std::size_t i = 0; i < copied.to.size();) {
        std::size_t run = 1;
        while (i + run < copied.to.size() && copied.to[i + run] == copied.to[i] + run)
            ++run;
        targets += (targets.empty() ? "" : ",") + std::to_string(copied.to[i]);
        if (run > 1)
            targets += ":" + std::to_string(copied.to[i + run - 1]);
        i += run;
    }
    return "COPYUID " + std::to_string(copied.uid_validity) + " " + copied.from.text() + " " + targets;
}

struct Target {
    NumberSet uids;
    Portion portion;  // the same, by position
    mailbox::AccountPtr account;
    mailbox::MailboxId mailbox = 0;
};

// What both commands begin with. The error is the reply.
Task<std::expected<Target, Reply>> resolve(Session& session, Command command)
{
    const auto& arguments = std::get<CopyArguments>(command.arguments);
    auto positions = positions_of(session.view(), arguments.set, command.by_uid);
    if (!positions)
        co_return std::unexpected(
            Reply::bad(std::string(name_of(command.verb)) + ": there is no message of this number"));
    const Result<Found> found = co_await find_mailbox(session, arguments.mailbox);
    if (!found && found.error() == ErrorCode::not_found)
        co_return std::unexpected(Reply::no("there is no such mailbox", "TRYCREATE"));
    if (!found)
        co_return std::unexpected(refusal(found.error()));
    Portion portion = allowed(session, *std::move(positions));
    NumberSet uids = uids_at(*session.view().numbering, portion.positions);
    co_return Target{std::move(uids), std::move(portion), found->account, found->mailbox.id};
}

bool is_elsewhere(Session& session, const Target& target)
{
    return target.account->id() != session.view().account->id();
}

Task<Result<Copied>> copied_to(Session& session, Target target)
{
    const View& view = session.view();
    if (is_elsewhere(session, target))
        co_return co_await mailbox::copy_between(view.account, view.mailbox, std::move(target.uids), target.account,
                                                 target.mailbox);
    co_return co_await view.account->copy(view.mailbox, std::move(target.uids), target.mailbox);
}

// Into another account first the copies, then the expunge: a crash between them leaves both (RFC 6851 section 3.3).
Task<Result<Copied>> moved_to(Session& session, Target target)
{
    const mailbox::AccountPtr source = session.view().account;
    const mailbox::MailboxId mailbox = session.view().mailbox;
    if (!is_elsewhere(session, target))
        co_return co_await source->move(mailbox, std::move(target.uids), target.mailbox);
    Result<Copied> copied = co_await copied_to(session, std::move(target));
    if (!copied || copied->to.empty())
        co_return copied;
    const Result<mailbox::Expunged> expunged =
        co_await source->expunge(mailbox, copied->from, mailbox::Account::Which::all);
    if (!expunged)
        co_return fail(expunged.error());
    copied->snapshot = expunged->snapshot;
    co_return copied;
}

}  // namespace

Task<Reply> copy(Session& session, Command command)
{
    std::expected<Target, Reply> target = co_await resolve(session, std::move(command));
    if (!target)
        co_return std::move(target.error());
    if (target->uids.empty())
        co_return Reply::ok("there was nothing to copy");
    if (target->portion.lowest)  // RFC 9738 section 3.1: all or none
        co_return refused_as_too_many(session, target->portion.lowest);
    const Result<Copied> copied = co_await copied_to(session, *target);
    if (!copied)
        co_return refusal(copied.error());
    if (copied->to.empty())
        co_return Reply::ok("there was nothing to copy");
    co_return Reply::ok("copied", copyuid(*copied));
}

Task<Reply> move(Session& session, Command command)
{
    std::expected<Target, Reply> target = co_await resolve(session, std::move(command));
    if (!target)
        co_return std::move(target.error());
    if (target->uids.empty())
        co_return Reply::ok("there was nothing to move");
    const Result<Copied> moved = co_await moved_to(session, *target);
    if (!moved)
        co_return refusal(moved.error());
    if (moved->to.empty())
        co_return limited(session, Reply::ok("there was nothing to move"), target->portion);
    // RFC 6851 section 4.3: COPYUID comes before the EXPUNGEs, so in an untagged OK.
    session.out().raw("* OK [").raw(copyuid(*moved)).raw("] moved\r\n");
    session.tell(moved->snapshot, {});
    co_return limited(session, Reply::ok("moved", expunged_code(session, {moved->from, moved->snapshot})),
                      target->portion);
}

}  // namespace posthouse::imap
