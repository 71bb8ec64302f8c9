// "* METADATA mailbox (entry value …)": for GETMETADATA and for LIST's RETURN (METADATA …).
#pragma once

#include "imap/grammar/serializer.h"
#include "mailbox/mailbox.h"

#include <span>

namespace posthouse::imap {

// A string, or a literal8 where it has NUL.
void write_metadata_value(Serializer& out, const std::string& value);

}  // namespace posthouse::imap
