// Why a message did not arrive, in words a person understands: from the status (RFC 3463) and the reply.
#pragma once

#include "message/dsn.h"
#include "smtp/notice.h"

#include <string>

namespace posthouse::mta::bounce {

// "carol@south.test does not exist there. The address may be misspelled." One line, printable, of full sentences.
std::string sentence_for(const smtp::NoticeRecipient& recipient);

// The time ran out (RFC 3463 x.4.7), or the last attempt failed for a reason that passes.
bool is_expired(const smtp::NoticeRecipient& recipient);

// The address as a person may be shown it.
std::string shown(const smtp::Path& path);
// "mx.south.test", or "the mail server of south.test" where none was reached.
std::string host_of(const smtp::NoticeRecipient& recipient);

}  // namespace posthouse::mta::bounce
