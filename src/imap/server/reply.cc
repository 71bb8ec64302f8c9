#include "imap/server/reply.h"

namespace posthouse::imap {

Reply refusal(const Error& error)
{
    switch (error.code) {
    case ErrorCode::not_found: return Reply::no("there is no such mailbox", "NONEXISTENT");
    case ErrorCode::already_exists: return Reply::no("there is a mailbox of this name already", "ALREADYEXISTS");
    case ErrorCode::not_permitted: return Reply::no("you may not do this", "NOPERM");
    case ErrorCode::over_quota: return Reply::no("the account is full", "OVERQUOTA");
    case ErrorCode::too_large: return Reply::no("this is larger than is taken here", "TOOBIG");
    case ErrorCode::limit: return Reply::no("a limit of the account is reached", "LIMIT");
    case ErrorCode::no_space: return Reply::no("the server is out of space; try again later", "LIMIT");
    case ErrorCode::malformed: return Reply::no(error.text, "CANNOT");
    case ErrorCode::corrupt: return Reply::no("stored data is damaged; the operator has been told", "CORRUPTION");
    case ErrorCode::conflict: return Reply::no("somebody else is changing it; try again", "INUSE");
    case ErrorCode::internal: return Reply::no("an error of the server; the operator has been told", "SERVERBUG");
    case ErrorCode::closed: return Reply::gone();
    default: return Reply::no("the server cannot do this now; try again later", "UNAVAILABLE");
    }
}

Reply ending(const Error& error)
{
    switch (error.code) {
    case ErrorCode::timeout: return Reply::goodbye("logged out: nothing was heard for too long");
    case ErrorCode::cancelled: return Reply::goodbye("the server is going down", "UNAVAILABLE");
    case ErrorCode::too_large: return Reply::goodbye("the command is too long");
    default: return Reply::gone();
    }
}

}  // namespace posthouse::imap
