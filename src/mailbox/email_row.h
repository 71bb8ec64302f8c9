// The row of one stored e-mail, and the names that tie it into a thread.
//
// The row is written on the caller's loop before the owner has seen the filing; only the thread may
// still change there, which is why it stands at a fixed place. Pure; threads: any.
#pragma once

#include "mailbox/rows.h"

namespace posthouse::mailbox {

struct EmailRow {
    ThreadId thread = 0;
    WallTime received;
    std::uint64_t size = 0;  // whole: prefix and content
    store::BlobId blob = 0;  // 0: the content is a body row
    std::string prefix;
    store::BlobId side_blob = 0;  // 0: `digest` is here, else it lies there
    std::uint64_t digest_bytes = 0;
    std::string digest;  // message::encode()
};
std::string write_email(const EmailRow& row);
Result<EmailRow> read_email(std::string_view value);
// Without taking it apart. An id of 0: it cannot be read, or its digest lies elsewhere.
StoredEmail read_stored(EmailId id, std::string value);
void set_thread(std::string& value, ThreadId thread);  // of what write_email() gave

// How many message ids of one message are looked at: its own, what it answers, where the thread began,
// and the latest of its References. A row more for each in the store; 3,000 References cost no more.
inline constexpr std::size_t most_names = 12;

MessageIdHash hash_of(std::string_view message_id);
// The message's own first, then those likeliest to be known.
std::vector<MessageIdHash> names_of(const message::Digest& digest);

}  // namespace posthouse::mailbox
