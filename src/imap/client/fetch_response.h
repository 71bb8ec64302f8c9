// The part of a FETCH response behind its number: RFC 3501 `msg-att`. Private to the room.
#pragma once

#include "base/cursor.h"
#include "imap/client/response.h"

namespace posthouse::imap {

// msg-att = "(" (msg-att-dynamic / msg-att-static) *(SP …) ")"; attributes we do not know are stepped over.
std::optional<FetchResponse> msg_att(Cursor& in);

// One value of any kind: atom, number, string, NIL, or a list of such, however deep up to the
// limit. Steps over it without recursion. `attachments`: lists that begin with the string
// "attachment" are counted: in a BODYSTRUCTURE that is a disposition and nothing else.
bool skip_value(Cursor& in, std::size_t* attachments = nullptr);

}  // namespace posthouse::imap
