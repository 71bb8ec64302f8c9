// Rows from a spoilt store: any bytes are read or refused, and what was read is written and read again the same.
// The first byte chooses the kind of row.
#include "mailbox/email_row.h"

#include <cstdlib>

using namespace posthouse;
using namespace posthouse::mailbox;

namespace {

template <class Read, class Write> void there_and_back(std::string_view value, Read read, Write write)
{
    const auto row = read(value);
    if (!row)
        return;
    const std::string written = write(*row);
    const auto again = read(written);
    if (!again || write(*again) != written)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 13) {
    case 0: there_and_back(value, read_head, write_head); break;
    case 1: there_and_back(value, read_keywords, write_keywords); break;
    case 2: there_and_back(value, [](std::string_view v) { return read_mailbox(7, v); }, write_mailbox); break;
    case 3: there_and_back(value, read_intent, write_intent); break;
    case 4: there_and_back(value, read_vanished, write_vanished); break;
    case 5:
        there_and_back(value, read_release, [](const std::vector<EmailId>& emails) { return write_release(emails); });
        break;
    case 6:
        there_and_back(value, read_member, [](const std::vector<MessageIdHash>& names) { return write_member(names); });
        break;
    case 7: there_and_back(value, read_message_id, write_message_id); break;
    case 8: there_and_back(value, read_change, write_change); break;
    case 9: there_and_back(value, read_delivered, write_delivered); break;
    case 10: there_and_back(value, read_email, write_email); break;
    case 11: there_and_back(value, read_acl, write_acl); break;
    case 12: there_and_back(value, read_metadata, write_metadata); break;
    }
    return 0;
}
