// What a notice gives back: the message, or its header.
#pragma once

#include "message/builder.h"
#include "smtp/notice.h"

namespace posthouse::mta::bounce {

// RFC 6522 section 3 and RFC 6533 section 6: message/rfc822 or message/global where the whole was asked for
// (RET=FULL counts for failures only, RFC 3461 section 4.3), is there and can be sent on as it is; else
// text/rfc822-headers or message/global-headers.
message::BodyPart returned(const smtp::Notice& notice);

}  // namespace posthouse::mta::bounce
