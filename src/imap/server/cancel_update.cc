// CANCELUPDATE: RFC 5267 section 4.3.4.
#include "imap/server/commands.h"

namespace posthouse::imap {

Task<Reply> cancel_update(Session& session, Command command)
{
    bool all_known = true;
    for (const std::string& tag : std::get<CancelUpdateArguments>(command.arguments).tags)
        all_known &= session.contexts().cancel(tag);
    if (!all_known)
        co_return Reply::bad("CANCELUPDATE: no search of this tag is kept up to date");
    co_return Reply::ok("it is left as it is");
}

}  // namespace posthouse::imap
