// From the recipients of an envelope to the entries of the queue: who of ours is behind each address, and
// which addresses are other hosts'.
#pragma once

#include "directory/directory.h"
#include "mta/queue/rows.h"

namespace posthouse::mta::queue {

// Each account and subaddress once, and each address elsewhere once, whatever aliases lead there. A
// recipient of another host's is kept as it is. Empty: nobody is left.
Task<Result<std::vector<Entry>>> addressees(directory::Directory& directory, std::vector<smtp::Recipient> recipients);

}  // namespace posthouse::mta::queue
