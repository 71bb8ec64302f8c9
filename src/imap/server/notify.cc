// NOTIFY: RFC 5465.
#include "imap/server/commands.h"

namespace posthouse::imap {

Task<Reply> notify(Session& session, Command command)
{
    auto& arguments = std::get<NotifyArguments>(command.arguments);
    if (arguments.groups.empty()) {
        session.notify(nullptr);
        co_return Reply::ok("nothing is told any more without being asked");
    }
    auto notifier = std::make_unique<Notifier>(session, std::move(arguments));
    const Result<void> begun = co_await notifier->begin(session);
    if (!begun)
        co_return refusal(begun.error());
    session.notify(std::move(notifier));
    const Result<void> told = co_await session.tell_notifications();
    if (!told)
        co_return Reply::gone();
    co_return Reply::ok("you will hear of it");
}

}  // namespace posthouse::imap
