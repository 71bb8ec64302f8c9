// Text as SEARCH compares it: the mailbox room's, which indexes it too.
#pragma once

#include "mailbox/search_text.h"

namespace posthouse::imap {

using mailbox::contains;
using mailbox::folded;
using mailbox::folded_addresses;
using mailbox::folded_key;
using mailbox::FoldedHeader;
using mailbox::is_known_charset;
using mailbox::known_charsets;
using mailbox::WordKey;

}  // namespace posthouse::imap
